# SPDX-License-Identifier: MIT
"""DICOM series, written with pydicom."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


def write_series(folder, volume, place, name="{:03}.dcm", planes=None, uid=None, intercept=0, **tags):
    """Write a volume (Nz, Ny, Nx) as a slice a file; `planes` are those to write, `tags` go into all."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = uid or generate_uid()
    written = []
    for z in range(len(volume)) if planes is None else planes:
        path = folder / name.format(z)
        header = slice_header(volume[z], place, z, uid)
        header.RescaleSlope, header.RescaleIntercept = 1, intercept
        header.PixelData = (volume[z].astype(np.int16) - np.int16(intercept)).tobytes()
        for tag, value in tags.items():
            setattr(header, tag, value)
        header.save_as(path, enforce_file_format=True)
        written.append(path)
    return written


def slice_header(plane, place, z, uid):
    """Return the header of one slice of CT."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, generate_uid()
    header.file_meta.MediaStorageSOPClassUID = CTImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.Modality, header.SeriesInstanceUID, header.StudyInstanceUID = "CT", uid, generate_uid()
    header.PatientName, header.PatientID, header.InstanceNumber = "Ball^A", "1", z + 1
    header.Rows, header.Columns = plane.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 1
    x, y = place[:3, 0], place[:3, 1]
    header.PixelSpacing = [f"{np.linalg.norm(y):.8g}", f"{np.linalg.norm(x):.8g}"]
    cosines = [*(x / np.linalg.norm(x)), *(y / np.linalg.norm(y))]
    header.ImageOrientationPatient = [f"{value:.10f}" for value in cosines]
    header.ImagePositionPatient = [f"{value:.8f}" for value in place[:3, 3] + z * place[:3, 2]]
    return header
