"""Packs a folder of images into a record file: `python -m plait.tools.im2rec PREFIX ROOT`.

First `--list` writes PREFIX.lst, lines "id<tab>label<tab>path", with a label for each folder of
images; without it the images of every list PREFIX*.lst go into a record file and its index. The
options are those of MXNet's im2rec.
"""

import argparse
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor

from .. import image, recordio
from ..image.iterator import read_list

EXTENSIONS = (".jpeg", ".jpg", ".png")


def find_images(root, recursive, extensions):
    """(path below root, label) of the images, sorted; with `recursive` each folder is a label."""
    if not recursive:
        names = sorted(os.listdir(root))
        return [(n, 0) for n in names if os.path.splitext(n)[1].lower() in extensions]
    found, labels = [], {}
    for folder, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        for name in sorted(names):
            if os.path.splitext(name)[1].lower() in extensions:
                label = labels.setdefault(folder, len(labels))
                found.append((os.path.relpath(os.path.join(folder, name), root), label))
    for folder, label in labels.items():
        print(f"{os.path.relpath(folder, root)} {label}")
    return found


def write_list(path, entries):
    """Write entries (id, path, label) as a list."""
    with open(path, "w") as file:
        for number, name, label in entries:
            file.write(f"{number}\t{label:f}\t{name}\n")


def make_lists(args):
    """Write the lists of all chunks, divided into training, validation and test."""
    found = find_images(args.root, args.recursive, args.exts)
    entries = [(i, *entry) for i, entry in enumerate(found)]
    if args.shuffle:
        random.Random(100).shuffle(entries)
    size = -(-len(entries) // args.chunks) if entries else 0
    for i in range(args.chunks):
        chunk = entries[i * size : (i + 1) * size]
        suffix = f"_{i}" if args.chunks > 1 else ""
        test, train = int(len(chunk) * args.test_ratio), int(len(chunk) * args.train_ratio)
        if args.train_ratio == 1.0:
            write_list(f"{args.prefix}{suffix}.lst", chunk)
            continue
        if args.test_ratio:
            write_list(f"{args.prefix}{suffix}_test.lst", chunk[:test])
        if args.train_ratio + args.test_ratio < 1.0:
            write_list(f"{args.prefix}{suffix}_val.lst", chunk[test + train :])
        write_list(f"{args.prefix}{suffix}_train.lst", chunk[test : test + train])


def make_record(args, entry):
    """The record of an image of a list; raises OSError for one that cannot be read."""
    number, labels, name = entry
    header = recordio.IRHeader(0, labels if args.pack_label else float(labels[0]), number, 0)
    path = os.path.join(args.root, name)
    if args.pass_through:
        with open(path, "rb") as file:
            return recordio.pack(header, file.read())
    pixels = image.imread(path, flag=args.color)
    if args.center_crop:
        side = min(pixels.shape[:2])
        pixels = image.center_crop(pixels, (side, side))[0]
    if args.resize:
        pixels = image.resize_short(pixels, args.resize, interp=1)
    return recordio.pack(header, image.imencode(pixels, args.encoding, args.quality))


def pack_list(args, path):
    """Write the record file and the index of a list; the number of images that were left out."""
    base = os.path.splitext(path)[0]
    writer = recordio.MXIndexedRecordIO(f"{base}.idx", f"{base}.rec", "w")
    entries, left_out = list(read_list(path)), 0

    def work(entry):
        try:
            return make_record(args, entry)
        except OSError as error:
            return error

    with ThreadPoolExecutor(args.num_thread) as pool:
        for start in range(0, len(entries), 1000):  # so that the memory stays small
            part = entries[start : start + 1000]
            for entry, record in zip(part, pool.map(work, part), strict=True):
                if isinstance(record, OSError):
                    print(f"left out {entry[2]}: {record}", file=sys.stderr)
                    left_out += 1
                else:
                    writer.write_idx(entry[0], record)
    writer.close()
    print(f"{base}.rec: {len(entries) - left_out} images, {left_out} left out")
    return left_out


def lists_of(prefix):
    """Paths of the lists whose names begin with `prefix`."""
    folder, start = os.path.split(os.path.abspath(prefix))
    names = sorted(os.listdir(folder))
    return [os.path.join(folder, n) for n in names if n.startswith(start) and n.endswith(".lst")]


def parse(arguments):
    """The options; see `--help`."""
    parser = argparse.ArgumentParser(prog="im2rec", description="Pack images into record files.")
    flag = argparse.BooleanOptionalAction
    parser.add_argument("prefix", help="start of the names of the lists and record files")
    parser.add_argument("root", help="folder of the images")
    lists = parser.add_argument_group("lists")
    lists.add_argument("--list", action="store_true", help="write lists instead of record files")
    lists.add_argument("--exts", nargs="+", default=EXTENSIONS, help="endings of image files")
    lists.add_argument("--chunks", type=int, default=1, help="number of lists")
    lists.add_argument("--train-ratio", type=float, default=1.0, help="share for training")
    lists.add_argument("--test-ratio", type=float, default=0, help="share for testing")
    lists.add_argument("--recursive", action="store_true", help="one label for each folder")
    lists.add_argument("--shuffle", action=flag, default=True, help="mix the images")
    records = parser.add_argument_group("record files")
    records.add_argument("--pass-through", action="store_true", help="keep the files as they are")
    records.add_argument("--resize", type=int, default=0, help="length of the shorter side")
    records.add_argument("--center-crop", action="store_true", help="the square in the middle")
    records.add_argument("--quality", type=int, default=95, help="JPEG 1-100, PNG 0-9")
    records.add_argument("--num-thread", type=int, default=1, help="threads")
    records.add_argument("--color", type=int, choices=[-1, 0, 1], default=1, help="1: colour")
    records.add_argument("--encoding", choices=[".jpg", ".png"], default=".jpg", help="format")
    records.add_argument("--pack-label", action="store_true", help="keep all labels of the list")
    args = parser.parse_args(arguments)
    if args.chunks < 1 or args.num_thread < 1:
        parser.error("--chunks and --num-thread must be at least 1")
    if not 0 <= args.test_ratio <= 1 - args.train_ratio <= 1:
        parser.error("--train-ratio and --test-ratio must be in [0, 1] with a sum of at most 1")
    args.exts = {extension.lower() for extension in args.exts}
    return args


def main(arguments=None):
    """Run the program; the exit code is 1 if images were left out."""
    args = parse(arguments)
    if args.list:
        make_lists(args)
        return 0
    paths = lists_of(args.prefix)
    if not paths:
        print(f"im2rec: there is no list {args.prefix}*.lst\n  hint: --list", file=sys.stderr)
        return 1
    return 1 if sum(pack_list(args, path) for path in paths) else 0


if __name__ == "__main__":
    sys.exit(main())
