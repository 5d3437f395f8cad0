# SPDX-License-Identifier: MIT
"""DICOM as hospitals send it: right, or refused in one line that names the files."""

from copy import deepcopy

import dicoms
import numpy as np
import pytest
import scans
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from torchmcubes_bw.cli.scan.choice import Choice
from torchmcubes_bw.cli.scan.read import read

SPACING = np.array([0.8, 1.1, 1.7])
SHAPE = (24, 40, 50)
SHARED = {"shape": SHAPE}
STRAIGHT = scans.affine(np.diag(SPACING), SHAPE)
OBLIQUE = scans.affine(scans.rotation() * SPACING, SHAPE)
AT = ("--level", 500)


def tilted():
    steps = np.diag(SPACING)
    steps[1, 2] = 0.45  # each slice lies so much further back: a gantry at 15 degrees
    return scans.affine(steps, SHAPE)


@pytest.mark.parametrize("place", [STRAIGHT, OBLIQUE, tilted()], ids=["straight", "oblique", "tilted"])
@pytest.mark.parametrize("reverse", [False, True])
def test_whole_series(place, reverse, tmp_path):
    volume = scans.ct(place, **SHARED)
    paths = dicoms.write_series(tmp_path / "a" / "b", volume, place, intercept=-1024)
    if reverse:  # the order of the names says nothing
        for k, path in enumerate(reversed(paths)):
            path.rename(path.with_name(f"x{k:03}"))
    mesh, output = scans.extracted(tmp_path, tmp_path / "a", *AT)
    scans.assert_ball(mesh, SPACING.min())
    assert " mm (LPS), " in output
    assert ("tilted by 14.83 degrees (gantry tilt)" in output) == (
        place is not STRAIGHT and place is not OBLIQUE
    )


def test_ras(tmp_path):
    dicoms.write_series(tmp_path / "a", scans.ct(STRAIGHT, **SHARED), STRAIGHT)
    mesh, output = scans.extracted(tmp_path, tmp_path / "a", "--ras", *AT)
    scans.assert_ball(mesh, SPACING.min(), scans.CENTRE * [-1, -1, 1])
    assert " mm (RAS), " in output


@pytest.mark.parametrize(
    "slope, intercept, dtype",
    [(2, -1024, "int32"), (0.5, 0, "float64"), (500_000, 0, "float64"), (3e9, 1, "float64"),
     (1, 2**31, "float64")],
)  # fmt: skip
def test_rescaled_values_are_the_stored_ones_by_slope_and_intercept(slope, intercept, dtype, tmp_path):
    volume = scans.ct(STRAIGHT, **SHARED)
    tags = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    dicoms.write_series(tmp_path / "a", volume, STRAIGHT, **tags)
    samples = read(str(tmp_path / "a"), Choice()).samples
    assert samples.dtype == dtype
    assert np.array_equal(samples, volume * float(slope) + intercept)


def test_missing_slices(tmp_path):
    planes = [z for z in range(SHAPE[0]) if z not in (11, 12)]
    dicoms.write_series(tmp_path / "a", scans.ct(STRAIGHT, **SHARED), STRAIGHT, planes=planes)
    gap = "slices 2 missing between 010.dcm and 013.dcm: 5.1 mm apart where 1.7 mm are usual; 1 such gaps"
    assert scans.refused(tmp_path, tmp_path / "a", *AT) == f"{gap} (--allow-gaps bridges them)"
    mesh, output = scans.extracted(tmp_path, tmp_path / "a", "--allow-gaps", *AT)
    assert gap in output
    scans.assert_ball(mesh, 2 * SPACING.min())


def test_uneven_slices(tmp_path):
    paths = dicoms.write_series(tmp_path / "a", scans.ct(STRAIGHT, **SHARED), STRAIGHT)
    header = dcmread(paths[0])
    header.ImagePositionPatient[2] -= 0.4
    header.save_as(paths[0])
    said = scans.refused(tmp_path, tmp_path / "a", *AT)
    assert said.startswith("slices uneven between 000.dcm and 001.dcm: 2.1 mm apart where 1.7 mm are usual")


def test_sideways_slices(tmp_path):
    paths = dicoms.write_series(tmp_path / "a", scans.ct(STRAIGHT, **SHARED), STRAIGHT)
    for path in paths[10:14]:
        header = dcmread(path)
        header.ImagePositionPatient[0] += 3
        header.save_as(path)
    assert scans.refused(tmp_path, tmp_path / "a", *AT).startswith("slices shift sideways by up to 3 mm")


def test_a_doubled_slice(tmp_path):
    paths = dicoms.write_series(tmp_path / "a", scans.ct(STRAIGHT, **SHARED), STRAIGHT)
    (tmp_path / "a" / "copy.dcm").write_bytes(paths[7].read_bytes())
    said = scans.refused(tmp_path, tmp_path / "a", *AT)
    assert said.startswith("a slice must lie alone, got 007.dcm and copy.dcm at the same place (")
    assert said.endswith("1 of 24 places are doubled")


def test_two_phases(tmp_path):
    uid, volume = generate_uid(), scans.ct(STRAIGHT, **SHARED)
    dicoms.write_series(tmp_path / "a", volume * 0, STRAIGHT, "p{:03}", uid=uid, AcquisitionNumber=2)
    dicoms.write_series(tmp_path / "a", volume, STRAIGHT, "q{:03}", uid=uid, AcquisitionNumber=1)
    said = scans.refused(tmp_path, tmp_path / "a", *AT)
    assert (
        said
        == "--frame must say which of 2 images at each place, apart by AcquisitionNumber to take, from 0 to 1"
    )
    mesh, output = scans.extracted(tmp_path, tmp_path / "a", "--frame", 0, *AT)
    scans.assert_ball(mesh, SPACING.min())
    assert "frame 0 of 2 taken (AcquisitionNumber 1)" in output
    assert "no surface" in scans.refused(tmp_path, tmp_path / "a", "--frame", 1, *AT)


def test_phases_that_nothing_tells_apart(tmp_path):
    uid, volume = generate_uid(), scans.ct(STRAIGHT, **SHARED)
    for name in ("p{:03}", "q{:03}"):
        dicoms.write_series(tmp_path / "a", volume, STRAIGHT, name, uid=uid)
    said = scans.refused(tmp_path, tmp_path / "a", *AT)
    places = "got 2 at each of 24 places, as p000 and q000"
    assert said == f"a slice must lie alone, {places}, and nothing that tells them apart"


def test_two_series(tmp_path):
    volume = scans.ct(STRAIGHT, **SHARED)
    dicoms.write_series(tmp_path / "a" / "1", volume, STRAIGHT, uid="1.2.3", SeriesDescription="soft")
    dicoms.write_series(
        tmp_path / "a" / "2", volume[:5], STRAIGHT, uid="1.2.4", SeriesDescription="scout\x1b[2J"
    )
    said = scans.refused(tmp_path, tmp_path / "a", *AT)
    assert said.startswith("--series must be one of 1 'soft' of 24 files; 2 'scout")
    assert said.endswith(f" of 5 files in {tmp_path / 'a'}, which one is not said")
    assert "\x1b" not in said
    for chosen in ("1", "soft", "1.2.3"):
        scans.assert_ball(scans.extracted(tmp_path, tmp_path / "a", "--series", chosen, *AT)[0], 0.8)
    assert scans.refused(tmp_path, tmp_path / "a", "--series", "bone", *AT).endswith("got bone")


def test_one_slice_and_none(tmp_path):
    (path,) = dicoms.write_series(tmp_path / "a", scans.ct(STRAIGHT, **SHARED), STRAIGHT, planes=[12])
    for given in (path, tmp_path / "a"):
        said = scans.refused(tmp_path, given, *AT)
        assert said == "INPUT must hold at least two slices, got one: 012.dcm"
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no scan")
    said = scans.refused(tmp_path, tmp_path / "empty", *AT)
    assert said == f"INPUT must be a folder with DICOM images, got none in {tmp_path / 'empty'}"


def test_mixed_sizes_and_orientations(tmp_path):
    uid, volume = generate_uid(), scans.ct(STRAIGHT, **SHARED)
    dicoms.write_series(tmp_path / "a", volume, STRAIGHT, uid=uid)
    dicoms.write_series(tmp_path / "a", volume[:, :20], STRAIGHT, "z{:03}", uid=uid, planes=[3])
    said = scans.refused(tmp_path, tmp_path / "a", *AT)
    assert said == "slices must be of one size, got 40 x 50 in 000.dcm and 20 x 50 in z003"
    dicoms.write_series(tmp_path / "b", volume, STRAIGHT, uid=uid)
    dicoms.write_series(tmp_path / "b", volume, OBLIQUE, "z{:03}", uid=uid, planes=[3])
    said = scans.refused(tmp_path, tmp_path / "b", *AT)
    assert said == "slices must have one orientation and pixel spacing, 000.dcm and z003 differ"


def test_strangers_are_counted_and_damage_is_an_error(tmp_path):
    paths = dicoms.write_series(tmp_path / "a", scans.ct(STRAIGHT, **SHARED), STRAIGHT)
    (tmp_path / "a" / "readme.txt").write_text("hello")
    _, output = scans.extracted(tmp_path, tmp_path / "a", *AT)
    assert "1 files that are not DICOM were left out" in output
    whole = paths[9].read_bytes()
    paths[9].write_bytes(whole[:-100])
    assert scans.refused(tmp_path, tmp_path / "a", *AT).startswith(f"cannot read {paths[9]}: ")


def test_no_position(tmp_path):
    paths = dicoms.write_series(tmp_path / "a", scans.ct(STRAIGHT, **SHARED), STRAIGHT)
    header = dcmread(paths[3])
    del header.ImagePositionPatient
    header.save_as(paths[3])
    said = scans.refused(tmp_path, tmp_path / "a", *AT)
    assert said == f"{paths[3]} must say where it lies: its ImagePositionPatient is None"


def segmentation(path, volume, place, names):
    """Write a label volume as a DICOM segmentation with highdicom."""
    highdicom = pytest.importorskip("highdicom")
    sources = [
        dcmread(p)
        for p in dicoms.write_series(
            path.parent / "source",
            volume,
            place,
            SeriesNumber=1,
            StudyInstanceUID="1.2.9",
            SliceThickness=1.7,
        )
    ]
    for source in sources:
        for tag in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber", "StudyID",
                    "ReferringPhysicianName", "FrameOfReferenceUID"):  # fmt: skip
            setattr(source, tag, "1.2.3" if "UID" in tag else "")
    mass = highdicom.sr.CodedConcept("4147007", "SCT", "Mass")
    kind = highdicom.sr.CodedConcept("49755003", "SCT", "Morphologic abnormality")
    by_hand = highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
    described = [
        highdicom.seg.SegmentDescription(number, name, kind, mass, by_hand) for number, name in names.items()
    ]
    made = highdicom.seg.Segmentation(
        sources, volume.astype(np.uint8), highdicom.seg.SegmentationTypeValues.BINARY, described,
        generate_uid(), 1, generate_uid(), 1, "we", "model", "1", "1",
    )  # fmt: skip
    made.save_as(path)


def test_segmentation(tmp_path):
    other = np.array([-14.0, 0.0, 0.0])
    ball = scans.distance(STRAIGHT, SHAPE, centre=scans.CENTRE - other, radius=5) < 0
    volume = np.where(ball, 2, scans.distance(STRAIGHT, SHAPE, centre=scans.CENTRE + other, radius=5) < 0)
    segmentation(tmp_path / "seg.dcm", volume, STRAIGHT, {1: "liver", 2: "tumour"})
    out = tmp_path / "m.obj"
    output = scans.command("extract", tmp_path / "seg.dcm", "-o", out).output
    assert "m.obj: liver, " in output
    assert "m.obj: tumour, " in output
    assert "labels 1, 2" in output
    for label, side in ((1, 1), (2, -1)):
        mesh, _ = scans.extracted(tmp_path, tmp_path / "seg.dcm", "--label", label)
        assert mesh.is_watertight
        assert np.linalg.norm(mesh.center_mass - (scans.CENTRE + side * other)) < 0.1


def test_segmentation_of_frames_that_lie_anywhere(tmp_path):
    """A tilt is followed; a frame beside the line, or unlike the rest, is refused."""
    place, path = tilted(), tmp_path / "seg.dcm"
    volume = (scans.distance(place, SHAPE) < 0).astype(np.uint8)
    segmentation(path, volume, STRAIGHT, {1: "liver"})
    header = dcmread(path)

    def moved(change):
        for frame in header.PerFrameFunctionalGroupsSequence:
            plane = frame.PlanePositionSequence[0]
            z = round((float(plane.ImagePositionPatient[2]) - STRAIGHT[2, 3]) / SPACING[2])
            plane.ImagePositionPatient = [f"{v:.8f}" for v in change(z)]
        header.save_as(path, enforce_file_format=True)

    moved(lambda z: place[:3, 3] + z * place[:3, 2])
    mesh, output = scans.extracted(tmp_path, path, "--label", 1)
    assert "tilted by 14.83 degrees" in output
    assert np.linalg.norm(mesh.center_mass - scans.CENTRE) < 0.1
    moved(lambda z: place[:3, 3] + z * place[:3, 2] + [2.0 * (z == SHAPE[0] // 2), 0, 0])
    said = scans.refused(tmp_path, path, "--label", 1)
    assert said == f"the frames of {path} must lie in one line, got some 2 mm beside it"
    moved(lambda z: place[:3, 3] + z * place[:3, 2])
    frames, shared = header.PerFrameFunctionalGroupsSequence, header.SharedFunctionalGroupsSequence[0]
    for k, frame in enumerate(frames):
        frame.PixelMeasuresSequence = deepcopy(shared.PixelMeasuresSequence)
        frame.PixelMeasuresSequence[0].PixelSpacing = [1.1, 0.8 + 0.1 * (k == 3)]
    header.save_as(path, enforce_file_format=True)
    assert "slices must have one orientation and pixel spacing" in scans.refused(tmp_path, path, "--label", 1)


def enhanced(path, volumes, place, phases):
    """Write volumes as one file of frames, each with a place and a sequence of its phase."""
    header = dicoms.slice_header(volumes[0][0], place, 0, generate_uid())
    header.NumberOfFrames = sum(map(len, volumes))
    header.PixelData = b"".join(volume.tobytes() for volume in volumes)
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = header.ImageOrientationPatient
    measures.PixelSpacing = header.PixelSpacing
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    header.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for (sequence, tag, value), volume in zip(phases, volumes, strict=True):
        for z in range(len(volume)):
            frame, position, phase = Dataset(), Dataset(), Dataset()
            position.ImagePositionPatient = [f"{v:.6f}" for v in place[:3, 3] + z * place[:3, 2]]
            setattr(phase, tag, value)
            frame.PlanePositionSequence = [position]
            setattr(frame, sequence, [phase])
            frames.append(frame)
    header.PerFrameFunctionalGroupsSequence = frames
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(header, name)
    header.save_as(path, enforce_file_format=True)


def test_enhanced_multiframe(tmp_path):
    """One file of frames, each with a place of its own; without places it is refused."""
    volume = scans.ct(OBLIQUE, **SHARED)
    header = dicoms.slice_header(volume[0], OBLIQUE, 0, generate_uid())
    header.NumberOfFrames, header.PixelData = len(volume), volume.tobytes()
    bare, path = tmp_path / "bare.dcm", tmp_path / "enhanced.dcm"
    header.save_as(bare, enforce_file_format=True)
    assert (
        scans.refused(tmp_path, bare, *AT) == f"{bare} must say where each of its frames lies, and does not"
    )
    enhanced(path, [volume], OBLIQUE, [("FrameContentSequence", "TemporalPositionIndex", 1)])
    mesh, _ = scans.extracted(tmp_path, path, *AT)
    scans.assert_ball(mesh, SPACING.min())


@pytest.mark.parametrize(("sequence", "tag", "low", "high"), [
    ("FrameContentSequence", "TemporalPositionIndex", 1, 2),
    ("FrameContentSequence", "FrameAcquisitionNumber", 9, 10),
    ("MREchoSequence", "EffectiveEchoTime", 4.5, 12.5),
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime", 50.0, 400.0),
    ("MRDiffusionSequence", "DiffusionBValue", 0.0, 1000.0),
])  # fmt: skip
def test_phases_of_an_enhanced_multiframe(sequence, tag, low, high, tmp_path):
    """What tells the volumes of one file apart stands in the frames, not in the file."""
    ball, path = scans.ct(OBLIQUE, **SHARED), tmp_path / "enhanced.dcm"
    enhanced(path, [ball, ball * 0], OBLIQUE, [(sequence, tag, high), (sequence, tag, low)])
    said = scans.refused(tmp_path, path, *AT)
    assert said == f"--frame must say which of 2 images at each place, apart by {tag} to take, from 0 to 1"
    mesh, _ = scans.extracted(tmp_path, path, "--frame", 1, *AT)
    scans.assert_ball(mesh, SPACING.min())


def test_table_of_values(tmp_path):
    """Stored values that a table turns into samples are not taken for samples."""
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType, table.LUTData = [2, 0, 16], "HU", b"\5\0\6\0"
    paths = dicoms.write_series(
        tmp_path / "a", scans.ct(STRAIGHT, **SHARED), STRAIGHT, ModalityLUTSequence=[table]
    )
    said = scans.refused(tmp_path, tmp_path / "a", *AT)
    assert said == (f"{paths[0]} must give its values by slope and intercept, got ModalityLUTSequence")
