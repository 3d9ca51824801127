"""The configuration that a single .safetensors file in Stable Diffusion's own layout lacks.

diffusers would fetch it; here it is written down (Stable Diffusion 1 with the 8 input channels of InstructPix2Pix), so
that no network is needed. The one thing that cannot be written down is CLIP's vocabulary: a tokenizer folder with
`vocab.json` and `merges.txt` has to be at hand, from any Stable Diffusion 1 folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from training.export.errors import ExportSourceError
from training.export.source import read_json
from training.export.vocabulary import find_vocabulary

TOKENIZER_FILES = ("vocab.json", "merges.txt")

MODEL_INDEX: Mapping[str, object] = {
    "_class_name": "StableDiffusionInstructPix2PixPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "EulerAncestralDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}

UNET: Mapping[str, object] = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 64,
    "in_channels": 8,
    "out_channels": 4,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "block_out_channels": [320, 640, 1280, 1280],
    "layers_per_block": 2,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
    "norm_num_groups": 32,
}

VAE: Mapping[str, object] = {
    "_class_name": "AutoencoderKL",
    "sample_size": 512,
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "latent_channels": 4,
    "norm_num_groups": 32,
    "scaling_factor": 0.18215,
}

TEXT_ENCODER: Mapping[str, object] = {
    "architectures": ["CLIPTextModel"],
    "model_type": "clip_text_model",
    "vocab_size": 49408,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "projection_dim": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "bos_token_id": 0,
    "eos_token_id": 2,
    "pad_token_id": 1,
}

SCHEDULER: Mapping[str, object] = {
    "_class_name": "EulerAncestralDiscreteScheduler",
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "epsilon",
    "timestep_spacing": "linspace",
    "steps_offset": 1,
}

TOKENIZER: Mapping[str, object] = {
    "tokenizer_class": "CLIPTokenizer",
    "model_max_length": 77,
    "bos_token": "<|startoftext|>",
    "eos_token": "<|endoftext|>",
    "unk_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
    "do_lower_case": True,
}

FILES: Mapping[str, Mapping[str, object]] = {
    "model_index.json": MODEL_INDEX,
    "unet/config.json": UNET,
    "vae/config.json": VAE,
    "text_encoder/config.json": TEXT_ENCODER,
    "scheduler/scheduler_config.json": SCHEDULER,
    "tokenizer/tokenizer_config.json": TOKENIZER,
}


def config_folder(target: Path, source: Path, config: Path | None = None, channels: int = 8) -> None:
    """Fills `target` with all configuration files of the pipeline and the tokenizer, for the model in `source`.

    config: a folder with vocab.json and merges.txt, there or under tokenizer/; None to look for one (`vocabulary_for`).
    Where it, or else the file's folder, holds one of `FILES`, that file is taken in place of Stable Diffusion 1's.
    channels: what the file's UNet takes, whatever a configuration says.
    Raises `ExportSourceError` when the vocabulary is not there.
    """
    given, vocabulary = config or source.parent, vocabulary_for(source, config)
    for name, content in FILES.items():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if (given / name).is_file():
            shutil.copyfile(given / name, file)
        else:
            file.write_text(json.dumps(content, indent=2), encoding="utf-8")
    for name in TOKENIZER_FILES:
        shutil.copyfile(vocabulary / name, target / "tokenizer" / name)
    unet = read_json(target / "unet" / "config.json")
    (target / "unet" / "config.json").write_text(json.dumps({**unet, "in_channels": channels}, indent=2), "utf-8")


def vocabulary_for(source: Path, config: Path | None) -> Path:
    """The folder with CLIP's vocabulary for the model in the file `source`; config: where the user says it is.

    Raises `ExportSourceError` where there is none on this machine.
    """
    found = find_vocabulary(source, config)
    if found is None:
        raise ExportSourceError(
            f"A model in a single file holds no vocabulary and there is no tokenizer/vocab.json and merges.txt in "
            f"{config or source.parent}: name the folder of any Stable Diffusion 1 model with --config."
        )
    return found
