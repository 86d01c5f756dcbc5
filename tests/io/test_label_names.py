"""Names of labels from tables of three programs."""

import pytest

from napari_coreg.errors import FileError
from napari_coreg.io.label_names import read_label_names


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("names.csv", "label,name\n2,white matter\n17,hippocampus\n"),
        ("names.csv", "# of a friend\nColour, Structure, Index\nred, white matter, 2\nblue, hippocampus, 17\n"),
        ("snap.txt", '# ITK-SnAP\n    2  255 0 0  1 1 1  "white matter"\n   17  0 255 0  1 1 1  "hippocampus"\n'),
    ],
)
def test_names_are_read(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_label_names(tmp_path / name) == {2: "white matter", 17: "hippocampus"}


def test_a_colour_table_of_freesurfer_is_read(tmp_path):
    text = "#No. Label Name:  R G B A\n\n0   Unknown  0 0 0 0\n17  Left-Hippocampus   220 216 20  0\n"
    (tmp_path / "FreeSurferColorLUT.txt").write_text(text)
    assert read_label_names(tmp_path / "FreeSurferColorLUT.txt")[17] == "Left-Hippocampus"


def test_names_of_several_words_need_no_quotes_and_no_colours(tmp_path):
    (tmp_path / "names.txt").write_text("1 left amygdala\n2\tBrodmann area 4\n3 optic nerve 255 0 0\n")
    assert read_label_names(tmp_path / "names.txt") == {1: "left amygdala", 2: "Brodmann area 4", 3: "optic nerve"}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", "x,y\n1,2\n", "no columns label and name"),
        ("a.csv", "label,name\none,a\n", "line 2: the label 'one' is not a whole number"),
        ("a.csv", "# of bones\n\nlabel,name\n\n1,a\none,b\n", "line 6: the label 'one' is not a whole number"),
        ("a.csv", "label,name\n", "holds no names"),
        ("a.txt", "1 bone\nbone 2\n", "line 2: 'bone 2' is not a number and a name"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, name, text, told):
    (tmp_path / name).write_text(text)
    with pytest.raises(FileError) as error:
        read_label_names(tmp_path / name)
    assert told in str(error.value)
