"""Typed wrappers around OpenCV's filters, with sizes as shares of the picture's long side."""

from __future__ import annotations

import math

import cv2

from training.starter.kinds.base import FloatImage, float32, long_side, luma

_LARGEST_SIGMA = 8.0  # above it the picture is blurred at a smaller size: as exact as can be seen, and much faster


def resized(image: FloatImage, width: int, height: int) -> FloatImage:
    """Averaged when it shrinks, bilinear when it grows; keeps the number of axes."""
    shrinks = width * height < image.shape[0] * image.shape[1]
    result = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return float32(result).reshape(height, width, *image.shape[2:])


def blurred(image: FloatImage, share: float) -> FloatImage:
    """Gaussian blur; sigma is `share` of the long side. (H, W, 1) or (H, W, 3)."""
    sigma = share * long_side(image)
    factor = math.ceil(sigma / _LARGEST_SIGMA)
    if factor > 1:
        height, width = image.shape[:2]
        small = resized(image, math.ceil(width / factor), math.ceil(height / factor))
        return resized(_gaussian(small, sigma / factor), width, height)
    return _gaussian(image, sigma)


def box_means(image: FloatImage, size: int) -> FloatImage:
    """Mean over the `size` by `size` window whose top left corner is the pixel; borders mirrored. (H, W, C)."""
    result = cv2.boxFilter(image, cv2.CV_32F, (size, size), anchor=(0, 0), borderType=cv2.BORDER_REFLECT)
    return float32(result).reshape(image.shape)


def padded(image: FloatImage, border: int) -> FloatImage:
    result = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REFLECT)
    return float32(result).reshape(result.shape[0], result.shape[1], image.shape[2])


def shifted(image: FloatImage, right: float, downwards: float) -> FloatImage:
    """Moved by shares of the long side, bilinear, borders repeated. (H, W, 1) or (H, W, 3)."""
    side = long_side(image)
    matrix = float32([[1.0, 0.0, right * side], [0.0, 1.0, downwards * side]])
    size = (image.shape[1], image.shape[0])
    result = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float32(result).reshape(image.shape)


def edges(image: FloatImage, share: float) -> FloatImage:
    """float32 (H, W, 1): slope of the blurred luma per `share` of the long side."""
    grey = blurred(luma(image), share)
    horizontal = shifted(grey, share, 0.0) - shifted(grey, -share, 0.0)
    vertical = shifted(grey, 0.0, share) - shifted(grey, 0.0, -share)
    return float32((horizontal * horizontal + vertical * vertical) ** 0.5)


def _gaussian(image: FloatImage, sigma: float) -> FloatImage:
    if sigma < 0.05:
        return image
    size = 2 * math.ceil(3.0 * sigma) + 1
    result = cv2.GaussianBlur(image, (size, size), sigma, borderType=cv2.BORDER_REFLECT)
    return float32(result).reshape(image.shape)
