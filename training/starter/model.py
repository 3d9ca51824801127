"""The networks of the bundled model, as diffusers and transformers classes, small enough for two CPU cores.

The UNet takes the instruction twice: token by token through cross-attention, as the full-size model does, and pooled,
added to the time embedding (`addition_embed_type="text"`), so that every residual block is scaled and shifted by it.
A change of tone is the same everywhere in the picture; without the second way it is learnt many times slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.libraries import diffusers, torch, transformers


@dataclass(frozen=True)
class Size:
    """Widths of the three networks. text_length is the number of tokens that an instruction is cut or padded to."""

    vae: tuple[int, ...] = (24, 48, 64)
    unet: tuple[int, ...] = (64, 128, 192)
    unet_layers: int = 1
    text: int = 128
    text_layers: int = 2
    text_length: int = 24
    sample: int = 32


SMALL = Size()
"""For two CPU cores: 0.9 M + 10 M + 0.6 M parameters."""
LARGE = Size(vae=(32, 64, 96), unet=(80, 160, 256), text=192, text_layers=3)
"""For a GPU: about 18 M parameters in all, 36 MB as fp16."""


def autoencoder(size: Size) -> Any:
    """RGB in [-1, 1] (N, 3, H, W) to 4 channels at a quarter of the size, without attention so that any size fits."""
    levels = len(size.vae)
    return diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=size.vae,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=4 * size.sample,
        scaling_factor=1.0,
    )


def unet(size: Size) -> Any:
    """The 8-channel UNet: 4 of the latent beside 4 of the picture. Attention at the lowest level, where it is cheap."""
    return diffusers.UNet2DConditionModel(
        sample_size=size.sample,
        in_channels=8,
        out_channels=4,
        block_out_channels=size.unet,
        layers_per_block=size.unet_layers,
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        cross_attention_dim=size.text,
        attention_head_dim=4,  # the number of heads, whatever diffusers calls it
        norm_num_groups=size.unet[0] // 4,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
        resnet_time_scale_shift="scale_shift",
    )


def start_from_identity(net: Any, scaling_factor: float) -> None:
    """Lets a fresh UNet answer the first step with the picture itself: v = -z, whatever the instruction.

    The scaled latent u of the picture crosses the last block by its shortcut as +u and -u beside two constants +K and
    -K, in one group for each of its channels: the constants rule the group's variance, so that the normalisation keeps
    brightness and contrast, and silu(y) - silu(-y) = y takes the non-linearity out. Everything else starts as usual and
    learns what to add, which is where training would otherwise arrive after its first ten thousand samples.
    """
    gain, constant = 0.5, 4.0
    spread = ((gain**2 + constant**2) / 2) ** 0.5
    channels = int(net.config.out_channels)
    last = net.up_blocks[-1].resnets[-1]
    width = int(net.conv_norm_out.num_channels)
    if width != 4 * int(net.conv_norm_out.num_groups) or last.conv_shortcut.in_channels != 2 * width:
        raise ValueError("the identity start needs groups of four channels and an equally wide skip")
    with torch.no_grad():
        for c, row in ((c, 4 * c) for c in range(channels)):
            _pass_on(net.conv_in, last.conv_shortcut, c + channels, row, gain * scaling_factor)
            last.conv_shortcut.bias[row : row + 4] = torch.tensor([0.0, 0.0, constant, -constant])
            last.conv2.weight[row : row + 4] = 0.0
            last.conv2.bias[row : row + 4] = 0.0
        net.conv_out.weight.zero_()
        net.conv_out.bias.zero_()
        for c in range(channels):
            net.conv_out.weight[c, 4 * c, 1, 1] = -spread / gain
            net.conv_out.weight[c, 4 * c + 1, 1, 1] = spread / gain


def _pass_on(conv_in: Any, shortcut: Any, source: int, row: int, gain: float) -> None:
    """Input channel `source` becomes +gain and -gain times itself in `row` and `row + 1`, at both ends of the skip."""
    conv_in.weight[row : row + 2] = 0.0
    conv_in.bias[row : row + 2] = 0.0
    conv_in.weight[row, source, 1, 1], conv_in.weight[row + 1, source, 1, 1] = gain, -gain
    shortcut.weight[row : row + 4] = 0.0
    width = shortcut.out_channels
    for offset in range(2):
        shortcut.weight[row + offset, width + row + offset, 0, 0] = 1.0


def text_encoder(size: Size, tokenizer: Any) -> Any:
    """A CLIP text encoder, trained together with the UNet."""
    config = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.text,
        intermediate_size=4 * size.text,
        projection_dim=size.text,
        num_hidden_layers=size.text_layers,
        num_attention_heads=4,
        max_position_embeddings=size.text_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return transformers.CLIPTextModel(config)


def scheduler() -> Any:
    """Velocity prediction on a schedule that ends in pure noise: the first step then is the plain regression."""
    return diffusers.DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        rescale_betas_zero_snr=True,
        set_alpha_to_one=True,
        steps_offset=0,
        clip_sample=False,
    )


def save_pipeline(folder: Path, vae: Any, net: Any, text: Any, tokenizer: Any) -> None:
    """Writes the diffusers layout that `training.export` reads."""
    pipeline = diffusers.StableDiffusionInstructPix2PixPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=net,
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
