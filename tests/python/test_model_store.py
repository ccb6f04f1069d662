"""Names of parameters in the model zoo, and the files of published weights."""

import hashlib
import zipfile

import numpy as np
import pytest

import plait as mx
from plait.gluon.model_zoo import model_store, vision

# Number of parameters in MXNet 1.9.1, and the SHA-1 of lines such as
# "features.0.weight net_conv0_weight" for all of them.
EXPECTED = {
    "alexnet": (16, "38e6590ab20ccc738be0f0dc303e99a77445dda4"),
    "densenet121": (606, "6426edb4d5813ec87a5f1a49b024120084100fcb"),
    "densenet161": (806, "9f4ec512dfb571550d0c054e0912065adbb0b24f"),
    "densenet169": (846, "1cfc31c6138743a4bedb62acf12684df55882f62"),
    "densenet201": (1006, "0f5747d6a726f52f6daed30265e2590fa8e32225"),
    "inceptionv3": (472, "0748957da29de51a8dfc6246947a0c65055b0634"),
    "mobilenet0.25": (137, "68ba1dd7dcc56324624c0e6276bcb132ca1255da"),
    "mobilenet0.5": (137, "68ba1dd7dcc56324624c0e6276bcb132ca1255da"),
    "mobilenet0.75": (137, "68ba1dd7dcc56324624c0e6276bcb132ca1255da"),
    "mobilenet1.0": (137, "68ba1dd7dcc56324624c0e6276bcb132ca1255da"),
    "mobilenetv2_0.25": (266, "5d8195378839ae7b2b3703af7e1af4fecd1b3427"),
    "mobilenetv2_0.5": (266, "5d8195378839ae7b2b3703af7e1af4fecd1b3427"),
    "mobilenetv2_0.75": (266, "5d8195378839ae7b2b3703af7e1af4fecd1b3427"),
    "mobilenetv2_1.0": (266, "5d8195378839ae7b2b3703af7e1af4fecd1b3427"),
    "resnet101_v1": (588, "6b2b0e7b6e70c2343ba0532cc813edc6cc4c343a"),
    "resnet101_v2": (514, "b97b51f2ee67c4cea8bb04a8d10a10ccf80ccee3"),
    "resnet152_v1": (877, "1946c5d63f08b65be46adcb3d7b2a51ffc289f52"),
    "resnet152_v2": (769, "7157b3b8ba6da731ca86abb733a966e185f0c779"),
    "resnet18_v1": (102, "28d98c8ae07661ee2952cc3b7566386a87d0354b"),
    "resnet18_v2": (98, "1bf9d3359aff89fd0d224aa39ad7efbeefc4ae12"),
    "resnet34_v1": (182, "3dc64ddaa1efea3bba00dfdd5afc9fb91be8cd42"),
    "resnet34_v2": (178, "c62f0ed933d9f53b589a611361927f7e9331c397"),
    "resnet50_v1": (299, "ebeb413514d73f23cf2c949fa533a602ec04f62f"),
    "resnet50_v2": (259, "794ae2c145553442fd270025f922c0abe2a245d5"),
    "squeezenet1.0": (52, "d7b106ce1a788168f62024fee161f4d6560e6a0c"),
    "squeezenet1.1": (52, "ecd7b59aac0aaa376cbc7113f3a9177155e5d36a"),
    "vgg11": (22, "bf637c7a41f8b5ff98a53a9c4f4fced81226b554"),
    "vgg11_bn": (54, "12114210983b9f047b411f80fa89697529412f87"),
    "vgg13": (26, "d4a41c2f7e13824eafe864d3ab0f2aee963d9c8d"),
    "vgg13_bn": (66, "7c5392cc34d7ce5bb2c0e06e8cd338e4b5bc9749"),
    "vgg16": (32, "ad3c048df4eb17da2dab5cf56988e3d84c4cd4a1"),
    "vgg16_bn": (84, "1a332801dc94cd070a2a99153f495ea4f1994f6b"),
    "vgg19": (38, "a30f06851569015a88b1af7ea8ae0e80f5a64028"),
    "vgg19_bn": (102, "2f7c8b985fa2239d99f6d516c702a0020750cbac"),
}


def names_of(net):
    tree = net._collect_params_with_prefix()
    return "".join(f"{key} {p.name}\n" for key, p in tree.items())


@pytest.mark.parametrize("name", EXPECTED)
def test_names_are_those_of_mxnet(name):
    count, sha1 = EXPECTED[name]
    names = names_of(vision.get_model(name, prefix="net_"))
    assert names.count("\n") == count
    assert hashlib.sha1(names.encode()).hexdigest() == sha1


def test_every_published_model_has_a_network():
    newer = {"mobilenetv3_large", "mobilenetv3_small"}  # without published weights
    assert set(model_store._model_sha1) == set(vision._makers) - newer == set(EXPECTED)
    with pytest.raises(ValueError, match="model_store: name is 'mynet'"):
        model_store.get_model_file("mynet")


@pytest.fixture
def published(monkeypatch, tmp_path):
    """A repository in a folder that holds weights of one network."""
    net = vision.mobilenet0_25()
    net.initialize()
    net(mx.nd.zeros((1, 3, 32, 32)))
    net.save_parameters(str(tmp_path / "w.params"))
    content = (tmp_path / "w.params").read_bytes()
    sha1 = hashlib.sha1(content).hexdigest()
    monkeypatch.setitem(model_store._model_sha1, "mobilenet0.25", sha1)
    folder = tmp_path / "repo" / "gluon" / "models"
    folder.mkdir(parents=True)
    name = f"mobilenet0.25-{sha1[:8]}"
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
        archive.writestr(f"{name}.params", content)
    monkeypatch.setenv("MXNET_GLUON_REPO", (tmp_path / "repo").as_uri())
    return net, name, folder


def test_pretrained_weights_are_fetched_once(published, tmp_path):
    net, name, folder = published
    root = tmp_path / "models"
    loaded = vision.mobilenet0_25(pretrained=True, root=str(root))
    assert [p.name for p in root.iterdir()] == [f"{name}.params"]
    x = mx.nd.random.normal(shape=(1, 3, 32, 32))
    np.testing.assert_array_equal(loaded(x).asnumpy(), net(x).asnumpy())
    (folder / f"{name}.zip").unlink()
    vision.get_model("MobileNet0.25", pretrained=True, root=str(root))
    model_store.purge(str(root))
    assert not list(root.iterdir())


def test_missing_and_damaged_weights_say_so(published, tmp_path):
    _, name, folder = published
    root = tmp_path / "models"
    root.mkdir()
    path = root / f"{name}.params"
    path.write_bytes(b"damaged")
    (folder / f"{name}.zip").write_bytes(b"no archive")
    with pytest.raises(OSError, match="params is damaged, and fetching file:.* failed"):
        model_store.get_model_file("mobilenet0.25", root=str(root))
    path.unlink()
    (folder / f"{name}.zip").unlink()
    with pytest.raises(OSError, match="(?s)params is missing, and fetching .* hint: put the file"):
        model_store.get_model_file("mobilenet0.25", root=str(root))
    assert not list(root.iterdir())
