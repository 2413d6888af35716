import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from accelsim.frontend import load_data


def test_a_folder(pictures, network_of):
    folder, images = pictures
    data = load_data(folder, network_of((3, 6, 5)))
    assert (data.images == images.transpose(0, 3, 1, 2) * np.float32(1 / 255)).all()
    assert data.labels.tolist() == [0, 1, 0, 1]
    assert data.calibrates_on_test_images
    assert data.preparation == "uint8 pixels / 255, channels moved first"
    assert load_data(folder / "labels.csv").images.shape == (4, 6, 5, 3)


def test_the_hash_is_of_the_pictures_too(pictures):
    folder, images = pictures
    before = load_data(folder).sha256
    Image.fromarray(images[1]).save(folder / "0.png")
    assert load_data(folder).sha256 != before


def test_gray_pictures(pictures, network_of):
    folder, images = pictures
    for number, image in enumerate(images[..., 0]):
        Image.fromarray(image).save(folder / f"{number}.png")
    gray = images[..., 0] * np.float32(1 / 255)
    assert (load_data(folder, network_of((1, 6, 5))).images[:, 0] == gray).all()
    assert (load_data(folder, network_of((3, 6, 5))).images == gray[:, None]).all()
    assert load_data(folder).images.shape == (4, 6, 5, 1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "1", "L"])
def test_gray_in_whatever_form(pictures, network_of, mode):
    folder, _ = pictures
    picture = Image.new("L", (5, 6), 255)
    for number in range(4):
        picture.convert(mode).save(folder / f"{number}.png")
    assert (load_data(folder, network_of((1, 6, 5))).images == 1).all()


@pytest.mark.parametrize("suffix", ["jpg", "bmp", "ppm"])
def test_other_formats(pictures, suffix):
    folder, _ = pictures
    for number in range(4):
        Image.new("RGB", (5, 6), (255, 255, 255)).save(folder / f"{number}.{suffix}")
        (folder / f"{number}.png").unlink()
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("png", suffix))
    assert (load_data(folder).images == 1).all()


def test_pictures_to_calibrate_on(pictures):
    folder, images = pictures
    rows = "name;class;split\n0.png;1;train\n1.png;0;test\n2.png;1;test\n3.png;0;calibration\n"
    (folder / "labels.csv").write_text(rows)
    data = load_data(folder)
    reals = images * np.float32(1 / 255)
    assert (data.images == reals[[1, 2]]).all()
    assert (data.calibration_images == reals[[0, 3]]).all()
    assert data.calibration_source == "calibration images"
    assert data.labels.tolist() == [0, 1]


def refused_picture(folder, refusal, network=None):
    message = refusal(folder, network)
    assert message.startswith("labels.csv:3: 1.png: ")
    return message.removeprefix("labels.csv:3: 1.png: ")


def test_pictures_that_do_not_fit(pictures, refusal, network_of):
    folder, _ = pictures
    assert refusal(folder, network_of((1, 6, 5))) == (
        "labels.csv:2: 0.png: is colored, the network takes 1 channel (convert it to gray)"
    )
    assert refusal(folder, network_of((2, 6, 5))) == (
        "labels.csv:2: 0.png: has 1 or 3 channels, the network takes 2"
    )
    assert refusal(folder, network_of((3, 5, 6))) == (
        "images: must have shape [count, 3, 5, 6] or [count, 5, 6, 3], got [4, 6, 5, 3]"
    )
    Image.new("RGB", (6, 6)).save(folder / "1.png")
    assert refused_picture(folder, refusal) == (
        "is 6 x 6 pixels, the first image is 5 x 6; all must have one size (nothing is resized)"
    )


def test_pictures_that_cannot_be_used(pictures, refusal):
    folder, _ = pictures
    path = folder / "1.png"
    path.write_bytes(b"not a picture")
    unreadable = "is not a readable image (PNG, JPEG, BMP, PPM)"
    assert refused_picture(folder, refusal) == unreadable
    Image.new("RGB", (5, 6)).save(path, format="GIF")
    assert refused_picture(folder, refusal) == unreadable
    Image.new("I;16", (5, 6)).save(path)
    assert refused_picture(folder, refusal) == (
        "pixels of kind 'I;16'; must be gray or RGB of 8 bits"
    )
    Image.new("RGBA", (5, 6), (0, 0, 0, 7)).save(path)
    assert refused_picture(folder, refusal) == (
        "is partly transparent; give images without transparency"
    )
    Image.new("RGB", (5, 6)).save(path)
    path.write_bytes(path.read_bytes()[:45])
    assert refused_picture(folder, refusal).startswith(unreadable)


def chunk(name, content):
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


@pytest.mark.parametrize("side", [5000, 20_000, 2**31 - 1])
def test_a_small_file_of_many_pixels(pictures, refusal, side):
    folder, _ = pictures
    header = chunk(b"IHDR", struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")
    (folder / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)
    message = refused_picture(folder, refusal)
    if side == 5000:
        assert message == "5000 x 5000 pixels; at most 16777216 are read"
    else:
        assert message.startswith("is not a readable image (PNG, JPEG, BMP, PPM)")


def test_which_table(pictures, refusal):
    folder, _ = pictures
    (folder / "labels.csv").rename(folder / "mine.csv")
    assert load_data(folder).labels.tolist() == [0, 1, 0, 1]
    (folder / "other.csv").write_text("")
    assert refusal(folder) == (
        "must hold one table of labels, labels.csv; has mine.csv, other.csv "
        "(give the CSV file itself)"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../0.png", "'../0.png': outside the folder, refused"),
        ("/etc/passwd", "'/etc/passwd': outside the folder, refused"),
        ("4.png", "'4.png': no such file"),
        (".", "'.': no such file"),
        ("a\0b", "'a\\x00b': is not a file's name"),
        ("a" * 300, f"'{'a' * 56}...: is not a file's name"),
    ],
)
def test_names_that_are_no_pictures(pictures, refusal, name, message):
    folder, _ = pictures
    (folder / "labels.csv").write_text(f"0.png,1\n{name},0\n")
    assert refusal(folder) == f"labels.csv:2: {message}"


def test_a_link_that_leads_out(pictures, refusal, tmp_path_factory):
    folder, _ = pictures
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    Image.new("RGB", (5, 6)).save(outside)
    (folder / "1.png").unlink()
    (folder / "1.png").symlink_to(outside)
    assert refusal(folder) == "labels.csv:3: '1.png': outside the folder, refused"


def test_only_pictures_to_calibrate_on(pictures, refusal):
    folder, _ = pictures
    (folder / "labels.csv").write_text("file,label,split\n0.png,1,train\n")
    assert refusal(folder) == "labels.csv: names no test images"
