"""Writes ONNX files of common networks with random weights, for compare_onnx_import.py.

    TORCH_PYTHON tests/mxnet_compat/onnx_networks.py FOLDER [NAME ...]

Needs PyTorch. The networks have the layers and sizes of those they are named after; the first size of every input stays open under the name `b`.
"""

import os
import sys
import warnings

import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")


def conv(i, o, k=3, stride=1, act=nn.ReLU, groups=1):
    """Convolution, batch normalization and activation."""
    layers = [nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, *([act()] if act else []))


class Residual(nn.Module):
    """act(body(x) + short(x))"""

    def __init__(self, body, short=None, act=None):
        super().__init__()
        self.body, self.short, self.act = body, short or nn.Identity(), act or nn.Identity()

    def forward(self, x):
        return self.act(self.body(x) + self.short(x))


class Cat(nn.Module):
    """Outputs of several branches, joined."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def classifier(features, width, hidden=None, act=nn.ReLU):
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if hidden:
        head += [nn.Linear(width, hidden), act()]
    return nn.Sequential(*features, *head, nn.Linear(hidden or width, 1000))


def resnet(sizes, bottleneck):
    layers = [conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    width = 64
    for stage, count in enumerate(sizes):
        inner = 64 << stage
        outer = inner * 4 if bottleneck else inner
        for block in range(count):
            stride = 2 if stage and not block else 1
            if bottleneck:
                body = [conv(width, inner, 1), conv(inner, inner, 3, stride)]
                body.append(conv(inner, outer, 1, act=None))
            else:
                body = [conv(width, inner, 3, stride), conv(inner, outer, act=None)]
            same = stride == 1 and width == outer
            short = None if same else conv(width, outer, 1, stride, act=None)
            layers.append(Residual(nn.Sequential(*body), short, nn.ReLU()))
            width = outer
    return classifier(layers, width)


class Squeeze(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, width, inner, act, gate):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, inner, 1), act(),
            nn.Conv2d(inner, width, 1), gate())  # fmt: skip

    def forward(self, x):
        return x * self.scale(x)


def inverted(i, inner, o, k, stride, act, squeeze=None):
    """A narrow-wide-narrow block around a depthwise convolution."""
    layers = [] if inner == i else [conv(i, inner, 1, act=act)]
    layers.append(conv(inner, inner, k, stride, act, groups=inner))
    if squeeze:
        layers.append(squeeze)
    body = nn.Sequential(*layers, conv(inner, o, 1, act=None))
    return Residual(body) if stride == 1 and i == o else body


def mobilenet2():
    layers, width = [conv(3, 32, 3, 2, nn.ReLU6)], 32
    for t, o, n, s in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                       (6, 160, 3, 2), (6, 320, 1, 1)):  # fmt: skip
        for block in range(n):
            layers.append(inverted(width, width * t, o, 3, 1 if block else s, nn.ReLU6))
            width = o
    return classifier([*layers, conv(width, 1280, 1, act=nn.ReLU6)], 1280)


def mobilenet3():
    relu, swish = nn.ReLU, nn.Hardswish
    layers, width = [conv(3, 16, 3, 2, swish)], 16
    for k, inner, o, se, act, s in (
            (3, 16, 16, 1, relu, 2), (3, 72, 24, 0, relu, 2), (3, 88, 24, 0, relu, 1),
            (5, 96, 40, 1, swish, 2), (5, 240, 40, 1, swish, 1), (5, 240, 40, 1, swish, 1),
            (5, 120, 48, 1, swish, 1), (5, 144, 48, 1, swish, 1), (5, 288, 96, 1, swish, 2),
            (5, 576, 96, 1, swish, 1), (5, 576, 96, 1, swish, 1)):  # fmt: skip
        squeeze = Squeeze(inner, max(8, inner // 32 * 8), relu, nn.Hardsigmoid) if se else None
        layers.append(inverted(width, inner, o, k, s, act, squeeze))
        width = o
    return classifier([*layers, conv(width, 576, 1, act=swish)], 576, 1024, swish)


def efficientnet():
    layers, width = [conv(3, 32, 3, 2, nn.SiLU)], 32
    for t, o, n, s, k in ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
                          (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)):  # fmt: skip
        for block in range(n):
            squeeze = Squeeze(width * t, width // 4, nn.SiLU, nn.Sigmoid)
            stride = 1 if block else s
            layers.append(inverted(width, width * t, o, k, stride, nn.SiLU, squeeze))
            width = o
    return classifier([*layers, conv(width, 1280, 1, act=nn.SiLU)], 1280)


def squeezenet():
    def fire(i, inner, o):
        sides = [nn.Sequential(nn.Conv2d(inner, o, k, padding=k // 2), nn.ReLU()) for k in (1, 3)]
        return nn.Sequential(nn.Conv2d(i, inner, 1), nn.ReLU(), Cat(*sides))

    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool, fire(64, 16, 64), fire(128, 16, 64), pool,
        fire(128, 32, 128), fire(256, 32, 128), pool, fire(256, 48, 192), fire(384, 48, 192),
        fire(384, 64, 256), fire(512, 64, 256), nn.Conv2d(512, 1000, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten())  # fmt: skip


class Shuffle(nn.Module):
    """A unit of ShuffleNet V2."""

    def __init__(self, i, o, stride):
        super().__init__()
        half, first = o // 2, i if stride == 2 else o // 2
        self.split = stride == 1
        self.right = nn.Sequential(
            conv(first, half, 1), conv(half, half, 3, stride, None, half), conv(half, half, 1))  # fmt: skip
        self.left = nn.Identity()
        if stride == 2:
            self.left = nn.Sequential(conv(i, i, 3, 2, None, i), conv(i, half, 1))

    def forward(self, x):
        left, right = x.chunk(2, 1) if self.split else (x, x)
        y = torch.cat((self.left(left), self.right(right)), 1)
        b, c, h, w = y.shape
        return y.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)


def shufflenet():
    layers, width = [conv(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1)], 24
    for o, n in ((116, 4), (232, 8), (464, 4)):
        for block in range(n):
            layers.append(Shuffle(width, o, 1 if block else 2))
            width = o
    return classifier([*layers, conv(width, 1024, 1)], 1024)


class Dense(nn.Module):
    """A layer of DenseNet: its input with its output behind."""

    def __init__(self, i):
        super().__init__()
        self.body = nn.Sequential(nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, 128, 1, bias=False),
                                  nn.BatchNorm2d(128), nn.ReLU(),
                                  nn.Conv2d(128, 32, 3, padding=1, bias=False))  # fmt: skip

    def forward(self, x):
        return torch.cat((x, self.body(x)), 1)


def densenet():
    layers, width = [conv(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)], 64
    for stage, count in enumerate((6, 12, 24, 16)):
        if stage:
            layers += [
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width // 2, 1, bias=False),
            ]
            layers.append(nn.AvgPool2d(2))
            width //= 2
        for _ in range(count):
            layers.append(Dense(width))
            width += 32
    return classifier([*layers, nn.BatchNorm2d(width), nn.ReLU()], width)


def inception():
    def mixed(i, a, b1, b, c1, c, d):
        pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(i, d, 1))
        return Cat(conv(i, a, 1), nn.Sequential(conv(i, b1, 1), conv(b1, b)),
                   nn.Sequential(conv(i, c1, 1), conv(c1, c)), pool)  # fmt: skip

    def pool():
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    layers = [conv(3, 64, 7, 2), pool(), conv(64, 64, 1), conv(64, 192), pool(),
              mixed(192, 64, 96, 128, 16, 32, 32), mixed(256, 128, 128, 192, 32, 96, 64), pool(),
              mixed(480, 192, 96, 208, 16, 48, 64), mixed(512, 160, 112, 224, 24, 64, 64),
              mixed(512, 128, 128, 256, 24, 64, 64), mixed(512, 112, 144, 288, 32, 64, 64),
              mixed(528, 256, 160, 320, 32, 128, 128), pool(),
              mixed(832, 256, 160, 320, 32, 128, 128),
              mixed(832, 384, 192, 384, 48, 128, 128)]  # fmt: skip
    return classifier(layers, 1024)


class Unet(nn.Module):
    def __init__(self, transposed, width=16):
        super().__init__()
        sizes = [width << i for i in range(5)]
        self.first = nn.Sequential(conv(3, width), conv(width, width))
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), conv(i, o), conv(o, o))
            for i, o in zip(sizes, sizes[1:], strict=False))  # fmt: skip
        self.up, self.join = nn.ModuleList(), nn.ModuleList()
        for i, o in zip(sizes[:0:-1], sizes[-2::-1], strict=True):
            bilinear = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
            self.up.append(
                nn.ConvTranspose2d(i, o, 2, 2) if transposed else nn.Sequential(bilinear, conv(i, o, 1)))  # fmt: skip
            self.join.append(nn.Sequential(conv(i, o), conv(o, o)))
        self.last = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        kept = [self.first(x)]
        for layer in self.down:
            kept.append(layer(kept[-1]))
        x = kept.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat((kept.pop(), up(x)), 1))
        return self.last(x)


class Yolo(nn.Module):
    """A small one-stage detector: SiLU, nearest up-sampling, decoded boxes."""

    def __init__(self, w=16, classes=80):
        super().__init__()

        def silu(i, o, k=3, s=1):
            return conv(i, o, k, s, nn.SiLU)

        def stage(i, o):
            inner = nn.Sequential(silu(o // 2, o // 2), silu(o // 2, o // 2))
            side = nn.Sequential(silu(o, o // 2, 1), Residual(inner))
            return nn.Sequential(silu(i, o, 3, 2), Cat(silu(o, o // 2, 1), side), silu(o, o, 1))

        self.a = nn.Sequential(silu(3, w, 3, 2), stage(w, 2 * w), stage(2 * w, 4 * w))
        self.b, self.c = stage(4 * w, 8 * w), stage(8 * w, 16 * w)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.spp, self.spp2 = silu(16 * w, 8 * w, 1), silu(32 * w, 16 * w, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.mid, self.top = silu(24 * w, 8 * w), silu(12 * w, 4 * w)
        self.heads = nn.ModuleList(
            nn.Sequential(silu(i, 64), nn.Conv2d(64, 4 + classes, 1))
            for i in (4 * w, 8 * w, 16 * w))  # fmt: skip

    def forward(self, x):
        a = self.a(x)
        b = self.b(a)
        c = self.spp(self.c(b))
        p = self.pool(c)
        q = self.pool(p)
        c = self.spp2(torch.cat((c, p, q, self.pool(q)), 1))
        b = self.mid(torch.cat((self.up(c), b), 1))
        a = self.top(torch.cat((self.up(b), a), 1))
        found = [head(y).flatten(2) for head, y in zip(self.heads, (a, b, c), strict=True)]
        y = torch.cat(found, 2).transpose(1, 2)
        box = y[..., :4].sigmoid()
        half = box[..., 2:] ** 2 * 2
        return torch.cat((box[..., :2] - half, box[..., :2] + half, y[..., 4:].sigmoid()), -1)


class Bert(nn.Module):
    """Encoder with attention written out and a mask."""

    def __init__(self, width, heads, layers, words=5000):
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** 0.5
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(512, width)
        self.kinds, self.norm = nn.Embedding(2, width), nn.LayerNorm(width, eps=1e-12)
        sizes = dict(q=(1, 1), k=(1, 1), v=(1, 1), o=(1, 1), up=(1, 4), down=(4, 1))
        self.layers = nn.ModuleList()
        for _ in range(layers):
            layer = {n: nn.Linear(width * i, width * o) for n, (i, o) in sizes.items()}
            layer |= {"n1": nn.LayerNorm(width, eps=1e-12), "n2": nn.LayerNorm(width, eps=1e-12)}
            self.layers.append(nn.ModuleDict(layer))

    def forward(self, ids, mask, kinds):
        b, t = ids.shape
        x = self.words(ids) + self.kinds(kinds) + self.places(torch.arange(t)[None])
        x, bias = self.norm(x), (1.0 - mask[:, None, None, :].float()) * -3e38
        for m in self.layers:
            q, k, v = (m[n](x).view(b, t, self.heads, -1).transpose(1, 2) for n in "qkv")
            a = torch.softmax(q @ k.transpose(-1, -2) / self.scale + bias, -1) @ v
            x = m["n1"](x + m["o"](a.transpose(1, 2).reshape(b, t, -1)))
            x = m["n2"](x + m["down"](F.gelu(m["up"](x))))
        return x


class Gpt(nn.Module):
    """One step of a decoder with a cache: keys and values of `t` words come in, those of t + 1 go out."""

    def __init__(self, width=384, heads=6, layers=6, words=5000):
        super().__init__()
        self.heads, self.width = heads, width
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(1024, width)
        self.layers = nn.ModuleList(
            nn.ModuleDict({"n1": nn.LayerNorm(width), "qkv": nn.Linear(width, 3 * width),
                           "o": nn.Linear(width, width), "n2": nn.LayerNorm(width),
                           "up": nn.Linear(width, 4 * width), "down": nn.Linear(4 * width, width)})
            for _ in range(layers))  # fmt: skip
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)

    def forward(self, ids, cache):
        b, t = ids.shape
        past, new = cache.shape[4], []
        x = self.words(ids) + self.places(torch.arange(past, past + t)[None])
        for m, kept in zip(self.layers, cache, strict=True):
            parts = m["qkv"](m["n1"](x)).split(self.width, 2)
            q, k, v = (y.view(b, t, self.heads, -1).transpose(1, 2) for y in parts)
            k, v = torch.cat((kept[0], k), 2), torch.cat((kept[1], v), 2)
            new.append(torch.stack((k, v)))
            a = torch.softmax(q @ k.transpose(-1, -2) / (self.width // self.heads) ** 0.5, -1) @ v
            x = x + m["o"](a.transpose(1, 2).reshape(b, t, -1))
            x = x + m["down"](F.gelu(m["up"](m["n2"](x)), approximate="tanh"))
        return self.head(self.norm(x)), torch.stack(new)


class Recurrent(nn.Module):
    """Words or features through a stack of recurrent layers."""

    def __init__(self, kind, words, i, h, layers, both):
        super().__init__()
        self.words = nn.Embedding(words, i) if words else nn.Identity()
        self.body = kind(i, h, layers, batch_first=True, bidirectional=both)
        self.last = nn.Linear(h * (1 + both), 10)

    def forward(self, x):
        return self.last(self.body(self.words(x))[0])


class Crnn(nn.Module):
    """Spotting of key words: convolutions over a spectrogram, then a GRU in both directions."""

    def __init__(self):
        super().__init__()
        self.front = nn.Sequential(conv(1, 32, 5, 2), conv(32, 64, 3, 2), conv(64, 64, 3, 1))
        self.body = nn.GRU(64 * 10, 96, 1, batch_first=True, bidirectional=True)
        self.last = nn.Linear(192, 12)

    def forward(self, x):
        y = self.front(x)
        y = y.permute(0, 3, 1, 2).flatten(2)
        return self.last(self.body(y)[0].mean(1))


class Vocoder(nn.Module):
    """Sound from a mel spectrogram: transposed and dilated convolutions over time."""

    def __init__(self, width=128):
        super().__init__()
        self.first, self.up, self.mix = (
            nn.Conv1d(80, width, 7, padding=3),
            nn.ModuleList(),
            nn.ModuleList(),
        )
        for k, s in ((16, 8), (16, 8), (4, 2), (4, 2)):
            self.up.append(nn.ConvTranspose1d(width, width // 2, k, s, (k - s) // 2))
            width //= 2
            self.mix.append(nn.ModuleList(
                nn.Sequential(nn.LeakyReLU(0.1), nn.Conv1d(width, width, 3, dilation=d, padding=d))
                for d in (1, 3, 5)))  # fmt: skip
        self.last = nn.Conv1d(width, 1, 7, padding=3)

    def forward(self, x):
        x = self.first(x)
        for up, mix in zip(self.up, self.mix, strict=True):
            x = up(F.leaky_relu(x, 0.1))
            for layer in mix:
                x = x + layer(x)
        return torch.tanh(self.last(F.leaky_relu(x)))


def generator():
    def up(i, o, s, p):
        return [nn.ConvTranspose2d(i, o, 4, s, p, bias=False), nn.BatchNorm2d(o), nn.ReLU()]

    return nn.Sequential(*up(100, 512, 1, 0), *up(512, 256, 2, 1), *up(256, 128, 2, 1),
                         *up(128, 64, 2, 1), nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh())  # fmt: skip


class Resize(nn.Module):
    """A decoder of up-samplings: nearest, bilinear, bicubic with convolutions between."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(conv(i, o) for i, o in ((64, 64), (64, 32), (32, 16), (16, 8)))

    def forward(self, x):
        for layer, mode in zip(
            self.layers, ("nearest", "bilinear", "bilinear", "nearest"), strict=True
        ):
            x = F.interpolate(layer(x), scale_factor=2.0, mode=mode)
        return F.interpolate(x, scale_factor=2.0, mode="bicubic")


def image(size=224, channels=3):
    return lambda b: (torch.rand(b, channels, size, size),)


def words(t, below):
    return lambda b: (torch.randint(0, below, (b, t)),)


def masked(t, below):
    return lambda b: (torch.randint(0, below, (b, t)), torch.ones(b, t, dtype=torch.int64),
                      torch.zeros(b, t, dtype=torch.int64))  # fmt: skip


def cached(past):
    return lambda b: (torch.randint(0, 5000, (b, 1)), torch.randn(6, 2, b, 6, past, 64))


NETWORKS = {
    "resnet18": (lambda: resnet((2, 2, 2, 2), False), image()),
    "resnet50": (lambda: resnet((3, 4, 6, 3), True), image()),
    "mobilenet2": (mobilenet2, image()),
    "mobilenet3": (mobilenet3, image()),
    "efficientnet": (efficientnet, image()),
    "squeezenet": (squeezenet, image()),
    "shufflenet": (shufflenet, image()),
    "densenet": (densenet, image()),
    "inception": (inception, image()),
    "unet": (lambda: Unet(True), image(128)),
    "unet_linear": (lambda: Unet(False), image(128)),
    "yolo": (Yolo, image(320)),
    "bert": (lambda: Bert(256, 4, 4), masked(64, 5000)),
    "minilm": (lambda: Bert(384, 12, 6), masked(32, 5000)),
    "gpt": (Gpt, cached(63)),
    "encoder": (lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(256, 4, 1024, activation="gelu", batch_first=True,
                                   norm_first=True), 2, enable_nested_tensor=False),
        lambda b: (torch.rand(b, 50, 256),)),
    "lstm": (lambda: Recurrent(nn.LSTM, 1000, 128, 256, 2, True), words(32, 1000)),
    "lstm_small": (lambda: Recurrent(nn.LSTM, 0, 40, 64, 1, False), lambda b: (torch.rand(b, 100, 40),)),
    "gru": (lambda: Recurrent(nn.GRU, 0, 64, 128, 1, False), lambda b: (torch.rand(b, 20, 64),)),
    "gru_both": (lambda: Recurrent(nn.GRU, 0, 80, 256, 2, True), lambda b: (torch.rand(b, 50, 80),)),
    "crnn": (Crnn, lambda b: (torch.rand(b, 1, 40, 100),)),
    "vocoder": (Vocoder, lambda b: (torch.rand(b, 80, 16),)),
    "generator": (generator, lambda b: (torch.randn(b, 100, 1, 1),)),
    "resize": (Resize, image(16, 64)),
}  # fmt: skip


def sane(net):
    """Statistics of batch normalization that keep values of the size they have in trained networks."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv1d)):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.0)


def main():
    folder, names = sys.argv[1], sys.argv[2:] or list(NETWORKS)
    os.makedirs(folder, exist_ok=True)
    for name in names:
        torch.manual_seed(0)
        make, inputs = NETWORKS[name]
        net = make()
        sane(net)
        net.eval()
        given = inputs(2)
        open_axes = {f"x{i}": {2 if x.dim() == 6 else 0: "b"} for i, x in enumerate(given)}
        torch.onnx.export(net, given, os.path.join(folder, name + ".onnx"), dynamo=False,
                          input_names=list(open_axes), dynamic_axes=open_axes, opset_version=17)  # fmt: skip
        print(name, flush=True)


if __name__ == "__main__":
    main()
