"""What training can start from: packages by name and by folder, diffusers folders, single files; 4 channels grow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from inference.manifest import Dials
from inference.package import open_package
from inference.store import ModelStore
from tests.training.export.test_single_file import write_single_file
from tests.training.tiny_model import (
    block_network,
    export_tiny,
    save_tiny,
    tiny_text_encoder,
    tiny_tokenizer,
    tiny_unet,
    tiny_vae,
)
from training import package_weights
from training.base_facts import find_base
from training.bases import open_base
from training.export.load import load_pipeline, open_source
from training.export.single_file import UNET, VAE
from training.places import HOME_VARIABLE
from training.train_errors import TrainError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    block_network(monkeypatch)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp()


@pytest.fixture(scope="session")
def half(base: Path) -> Path:
    return export_tiny(base, "fp16").folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text-to-image model, as its folder says it."""
    folder = save_tiny(tmp_path_factory.mktemp("plain") / "sd", unet=tiny_unet(in_channels=4))
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = "StableDiffusionPipeline"
    del index["image_encoder"]
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\n")
    return folder


def test_a_diffusers_folder_opens_frozen(half: Path) -> None:
    source = half.parent / "tiny-source"
    base, given = open_base(str(source)), load_pipeline(source)
    assert (base.name, base.kind, base.channels, base.grew) == ("tiny-source", "diffusers", 8, False)
    assert base.dials == Dials(size=64) and base.instructions == ()
    for part in ("unet", "vae", "text_encoder"):
        module = getattr(base, part)
        assert not module.training and not any(p.requires_grad for p in module.parameters())
        wanted = getattr(given, part).state_dict()
        assert all(torch.equal(value, wanted[name]) for name, value in module.state_dict().items())


def test_a_package_opens_with_what_its_manifest_says(half: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(half.parent / "tiny-source")  # its graphs are read in another test, which takes seconds
    monkeypatch.setattr(package_weights, "package_source", lambda package: source)
    base = open_base(str(half), dtype=torch.bfloat16)
    assert (base.name, base.kind, base.licence) == ("tiny-fp16", "package", "MIT")
    assert base.dials.sampler == "euler" and base.instructions == ("make it black and white",)
    assert base.sha256 == open_package(half).sha256
    assert base.unet.dtype == torch.bfloat16 and base.vae.dtype == base.text_encoder.dtype == torch.float32
    stored = base.weights["unet"]
    for name, value in base.unet.state_dict().items():
        assert torch.equal(value, torch.from_numpy(stored[name].read()).bfloat16()), name


def test_a_package_is_found_by_its_name(half: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ModelStore(tmp_path / "home" / "models", tmp_path / "none").add(half)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny-fp16").mkdir()  # an installed model comes first
    facts = find_base("Tiny-FP16")
    assert facts.path == tmp_path / "home" / "models" / "tiny-fp16" and facts.channels == 8
    assert find_base("tiny-fp16") == facts and find_base("").name == "starter"


def test_a_plain_model_grows(plain: Path) -> None:
    facts = find_base(str(plain))
    assert (facts.kind, facts.channels, facts.licence) == ("diffusers", 4, "creativeml-openrail-m")
    base = open_base(str(plain))
    assert base.grew and base.channels == 4 and base.unet.config.in_channels == 8
    weight = base.unet.conv_in.weight
    assert weight.shape == (16, 8, 3, 3) and weight[:, :4].any() and not weight[:, 4:].any()
    assert base.weights["unet"]["conv_in.weight"].shape == (16, 8, 3, 3)
    assert facts.parameters + 16 * 4 * 9 == sum(p.numel() for p in base.unet.parameters())


@pytest.mark.parametrize("channels", [4, 8])
def test_a_single_file_opens(tmp_path: Path, channels: int) -> None:
    tokenizer = tiny_tokenizer(tmp_path / "words")
    unet = tiny_unet(
        in_channels=channels, down_block_types=tuple(UNET["down_block_types"]),
        up_block_types=tuple(UNET["up_block_types"]), block_out_channels=(8, 8, 16, 16), norm_num_groups=4,
        attention_head_dim=2, resnet_time_scale_shift="default", addition_embed_type=None,
    )  # fmt: skip
    vae = tiny_vae(
        down_block_types=tuple(VAE["down_block_types"]), up_block_types=tuple(VAE["up_block_types"]),
        block_out_channels=(4, 4, 8, 8), mid_block_add_attention=True,
    )  # fmt: skip
    parts = {"unet": unet, "vae": vae, "tokenizer": tokenizer, "text_encoder": tiny_text_encoder(tokenizer)}
    folder = save_tiny(tmp_path / "folder", **parts)
    (folder / "unet" / "config.json").write_text(
        json.dumps({**json.loads((folder / "unet" / "config.json").read_text()), "in_channels": 8})
    )  # what a configuration says of another model
    file = write_single_file(parts, tmp_path / "model.safetensors")
    base = open_base(str(file), config=folder)
    assert (base.kind, base.channels, base.unet.config.in_channels) == ("single", channels, 8)
    half = unet.conv_in.weight.half().float()
    assert torch.equal(base.unet.conv_in.weight[:, :channels], half)
    assert find_base(str(file)).parameters == sum(p.numel() for p in unet.parameters())


def test_the_hash_follows_the_weights(plain: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(plain, tmp_path / "copy")
    first = find_base(str(plain)).sha256()
    assert find_base(str(copy)).sha256() == first
    (file,) = (copy / "unet").glob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert find_base(str(copy)).sha256() != first


def refusals(folder: Path, plain: Path) -> dict[str, str]:
    """What is asked for, and a word of the answer."""
    inpainting = shutil.copytree(plain, folder / "inpainting")
    config = json.loads((inpainting / "unet" / "config.json").read_text())
    (inpainting / "unet" / "config.json").write_text(json.dumps({**config, "in_channels": 9}))
    pickled = shutil.copytree(plain, folder / "pickled")
    (file,) = (pickled / "unet").glob("*.safetensors")
    file.rename(file.with_suffix(".bin"))
    (folder / "old.ckpt").write_bytes(b"\x80\x02}q\x00.")
    cut = shutil.copytree(plain, folder / "cut")
    (file,) = (cut / "unet").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-5])
    (folder / "empty").mkdir()
    return {
        "nothing": "There is no model 'nothing'",
        str(folder / "none"): "There is no model",
        str(inpainting): "inpainting",
        str(pickled): "is a pickle",
        str(folder / "old.ckpt"): "is a pickle",
        str(cut): "cut short",
        str(folder / "empty"): "is missing",
    }


def test_what_cannot_be_trained_is_refused_in_a_sentence(plain: Path, tmp_path: Path) -> None:
    for asked, word in refusals(tmp_path, plain).items():
        with pytest.raises(TrainError) as caught:
            open_base(asked)
        assert word in str(caught.value) and "\n" not in str(caught.value), asked


def test_the_facts_need_no_torch(plain: Path) -> None:
    code = (
        "import sys\nfor name in ('torch', 'diffusers', 'onnx', 'transformers'): sys.modules[name] = None\n"
        "import training.packaging\n"
        f"from training.base_facts import find_base; print(find_base({str(plain)!r}).channels, find_base('').channels)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["4", "8"]
