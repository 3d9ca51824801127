"""What learns of a model: a LoRA or all of the UNet, a first layer that grew, and the text encoder where asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.bases import Base
from training.libraries import torch
from training.lora_training import add_lora
from training.recipe import TrainingRecipe
from training.train_errors import TrainError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Trained:
    """modules: what the forward pass goes through while gradients are wanted: "unet", and "text_encoder" where it
    trains. parameters: what learns, float32, by name in a stable order; a name begins with its module's.
    """

    modules: dict[str, Any]
    parameters: dict[str, Any]

    def state(self) -> dict[str, Tensor]:
        """The parameters' values, which follow them; clone what has to stay."""
        return {name: parameter.detach() for name, parameter in self.parameters.items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over values by name; raises `TrainError` unless they are these parameters', all of them."""
        odd = sorted(set(tensors) ^ set(self.parameters))
        odd += [name for name, p in self.parameters.items() if not odd and tensors[name].shape != p.shape]
        if odd:
            raise TrainError(f"These weights belong to another training: they differ in {odd[0]}.")
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[name])


def frozen_type(recipe: TrainingRecipe) -> Any:
    """Torch's type for the UNet, as `open_base` takes it: half as long where its weights rest as where they learn."""
    if recipe.method == "full":
        return torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[recipe.precision]


def trainable(base: Base, recipe: TrainingRecipe) -> Trained:
    """Prepares the modules of `base`, in place, for training by `recipe`.

    What learns is float32, whatever type the rest has. The UNet takes float32 then too, and answers in the type of the
    rest, with autocast and without.
    Raises `TrainError` where the UNet has no layers for a LoRA.
    """
    unet, modules = base.unet, {"unet": base.unet}
    if recipe.method == "lora":
        _takes_float32(unet)
        found = add_lora(unet, recipe.rank, recipe.seed)
        if base.grew:
            found |= {f"conv_in.{name}": parameter for name, parameter in _single(unet.conv_in).named_parameters()}
    else:
        found = dict(unet.float().named_parameters())
    parameters = {f"unet.{name}": parameter for name, parameter in sorted(found.items())}
    if recipe.train_text:
        modules["text_encoder"] = base.text_encoder
        learned = sorted(base.text_encoder.float().named_parameters())
        parameters |= {f"text_encoder.{name}": parameter for name, parameter in learned}
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    if recipe.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    return Trained(modules, parameters)


def _single(layer: Any) -> Any:
    """`layer` in float32, between neighbours of another type."""
    around = layer.weight.dtype
    if around == torch.float32:
        return layer

    def before(_layer: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(value.float() for value in inputs)

    def after(_layer: Any, _inputs: object, output: Any) -> Any:
        return output.to(around)

    layer.float()
    layer.register_forward_pre_hook(before)
    layer.register_forward_hook(after)
    return layer


def _takes_float32(unet: Any) -> None:
    """Lets a UNet whose resting weights are of a shorter type take pictures and texts as float32.

    The timestep stays what it is: in bfloat16 946 would become 944.
    """
    dtype = unet.conv_out.weight.dtype

    def short(value: Any) -> Any:
        return value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    def before(_unet: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        first = tuple(value if at == 1 else short(value) for at, value in enumerate(inputs))
        return first, {name: value if name == "timestep" else short(value) for name, value in named.items()}

    if dtype != torch.float32:
        unet.register_forward_pre_hook(before, with_kwargs=True)
