"""The light of stored codes as lcms2 finds it, for comparison with ours."""

import imagecodecs
import numpy as np

D65, D50 = np.array([0.9505, 1.0, 1.0890]), np.array([0.9642, 1.0, 0.8249])  # IEC 61966-2-1, ICC.1
CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])  # Bradford
TO_D65 = np.linalg.inv(CONES) @ np.diag(CONES @ D65 / (CONES @ D50)) @ CONES


def xyz_of_codes(codes: np.ndarray, profile: bytes) -> np.ndarray:
    """XYZ under D65 of (H, W, 3) RGB codes, in float and without lcms2's shortcuts, which are off by 1000 steps."""
    xyz = imagecodecs.cms_transform(
        codes.astype(np.float32) / np.iinfo(codes.dtype).max,
        profile,
        imagecodecs.cms_profile("xyz"),
        colorspace="rgb",
        outcolorspace="xyz",
        outdtype="float32",
        intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
        flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,
    )
    return xyz.astype(np.float64) @ TO_D65.T
