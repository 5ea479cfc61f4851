"""Finding sounds in recordings, whatever short gaps a busy machine tore into them."""

from __future__ import annotations

import numpy as np

from ivr.media.g711 import Samples

PIECE = 2000
"""Samples: a quarter of a second. A stall of the sender spoils one or two pieces, not the whole sound."""
BLOCK = 16384
"""Samples that are transformed at a time."""
SPARED = 0.35
"""Share of a sound that may be torn or missing while it still counts as heard."""
QUIET = 100.0
"""Root of the mean square below which a piece is a pause, which would be found anywhere."""


def likeness(recording: Samples, clip: Samples, piece: int = PIECE) -> float:
    """How much of `clip` is somewhere in `recording`: above 0.9 for the very same sound, below 0.8 for another.

    Each quarter of a second of the clip is looked for by itself, by normalised cross-correlation; what counts is
    the likeness that all but a third of the clip reaches. So a gap of some packets does not matter, another word
    does. A shorter `piece` is found between gaps that follow each other closely; speech needs the long one.
    """
    pattern = clip.astype(np.float64)
    starts = range(0, max(1, len(pattern) - piece // 2), piece)
    pieces = [pattern[start : start + piece] for start in starts]
    loud = [piece for piece in pieces if (piece**2).mean() > QUIET**2]
    if not loud:
        return 0.0
    found = _best_likeness(recording.astype(np.float64), loud)
    lengths = np.array([len(piece) for piece in loud])
    order = np.argsort(found)
    reached = np.cumsum(lengths[order]) / lengths.sum()
    return float(found[order][np.searchsorted(reached, SPARED)])


def _best_likeness(sound: np.ndarray, pieces: list[np.ndarray]) -> np.ndarray:
    """Normalised cross-correlation of each piece at its best offset; by blocks, so that long sounds are cheap."""
    hop = BLOCK - PIECE
    padded = np.concatenate([sound, np.zeros(BLOCK + hop - len(sound) % hop)])
    blocks = np.lib.stride_tricks.sliding_window_view(padded, BLOCK)[::hop]
    spectra = np.fft.rfft(blocks)
    energy = np.concatenate([[0.0], np.cumsum(padded**2)])
    best = []
    for piece in pieces:
        products = np.fft.irfft(spectra * np.conj(np.fft.rfft(piece, BLOCK)), BLOCK)[:, :hop].ravel()
        windows = energy[len(piece) : len(products) + len(piece)] - energy[: len(products)]
        best.append(float((products / np.sqrt(np.maximum(windows, 1.0) * (piece**2).sum())).max()))
    return np.array(best)


def tone_level(recording: Samples, hertz: float) -> float:
    """Loudest share of one frequency in any quarter of a second, 0 to 1."""
    best, time = 0.0, np.arange(PIECE) / 8000
    wave = np.exp(-2j * np.pi * hertz * time)
    for start in range(0, max(1, len(recording) - PIECE), PIECE // 5):
        part = recording[start : start + PIECE].astype(np.float64)
        power = float((part**2).sum())
        if len(part) == PIECE and power > PIECE * 500**2:
            best = max(best, 2 * abs(np.vdot(wave, part)) ** 2 / (PIECE * power))
    return best
