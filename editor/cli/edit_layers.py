"""The variants of an edit as layers of one file."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from editor.cli.layered import opened
from editor.cli.photo import largest_beside, read_mask
from editor.core.document import Document
from editor.core.formats.layered_format import LayeredFormat, Opened, ignore
from editor.core.layer import RasterLayer
from editor.edits.apply import keep
from editor.edits.recipe import Recipe, mask_hash
from editor.edits.region import Cut, Region, cut, request_of
from editor.edits.run import finished
from editor.edits.settings import EditSettings, ModelFacts
from editor.edits.values import VariantItem
from inference.package import ModelPackage
from inference.types import CancelToken, EditRequest, Variant


class LayeredTarget:
    """The source's layers and, above them, one for each variant with its mask and recipe; the first one shows."""

    def __init__(self, out: Path, format: LayeredFormat, source: Opened, region: Region) -> None:
        self._out, self._format, self._source, self._region = out, format, source, region
        self._cut: Cut = cut(source.document, region)
        self._hash = self._cut.sha256
        self._items: list[VariantItem] = []
        self._names: list[str] = []
        self.notes = source.notes

    def request(self, settings: EditSettings, seeds: tuple[int, ...]) -> EditRequest:
        return request_of(self._cut, settings, seeds)

    def add(self, variant: Variant, settings: EditSettings, facts: ModelFacts, provider: str) -> list[str]:
        recipe = Recipe(
            **asdict(settings),
            seed=variant.seed,
            region=self._region.rect,
            mask=mask_hash(self._region),
            source=self._hash,
            model_sha256=facts.sha256,
            precision=facts.precision,
            provider=provider,
            library=facts.library,
        )
        item = VariantItem(
            str(variant.index), variant.index, variant.seed, settings, self._region, self._source.document
        )
        # The layer is all that is needed of it: the pixels of many variants would not fit into memory twice.
        self._items.append(replace(finished(item, variant, self._cut, recipe), pixels=None))
        return []

    def path(self, index: int) -> Path:
        return self._out

    def layer(self, index: int) -> str | None:
        return self._names[index]

    def commit(self, cancel: CancelToken) -> list[str]:
        document: Document = keep(self._items).apply(self._source.document)
        made = document.layers[len(self._source.document.layers) :]
        self._names = [layer.name for layer in reversed(made) if isinstance(layer, RasterLayer)]
        if self._format.write is None:
            raise RuntimeError("the target was chosen among formats that are written")
        return self._format.write(self._out, document, self._source.variants, ignore, lambda: cancel.cancelled)


def layered_source(source: Path, mask: Path | None, package: ModelPackage) -> tuple[Opened, Region]:
    """The document to edit and the whole page as its region. Raises InputUnreadable and UsageError."""
    largest = largest_beside(package)
    found = opened(source, largest)
    document = replace(found.document, selection=None)
    size = document.width, document.height
    region = Region(document.rect, None if mask is None else read_mask(mask, size, largest))
    return replace(found, document=document), region
