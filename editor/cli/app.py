"""The commands and their options. What a command does is in a module of its own, imported when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from editor.cli import report
from editor.cli.commands import TRAINING_COMMANDS

app = typer.Typer(
    name="palimpsest",
    help="Edit pictures by saying what to change. Everything runs on this machine.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models = typer.Typer(help="The models that this program can use.", rich_markup_mode=None)
app.add_typer(models, name="models")

Input = Annotated[Path, typer.Argument(metavar="IN", help="The picture to read.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def run(words: Sequence[str]) -> int:
    """Run one command; returns the exit code. Errors are one line on stderr."""
    try:
        code = typer.main.get_command(app).main(args=list(words), prog_name="palimpsest", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        report.complain(f"{error.format_message()} (palimpsest --help shows what there is)")
        return report.USAGE
    except _Answered as answer:
        return answer.code
    except (BrokenPipeError, SystemExit):  # typer makes the second of the first
        return _no_reader()
    except (Exception, KeyboardInterrupt) as error:
        return report.fail(error)
    if code == report.CANCELLED:  # typer's answer to Control-C
        report.complain("The command was cancelled.")
    return code if isinstance(code, int) else 0


class _Answered(Exception):
    """Another process has said all there is to say; its exit code is ours."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _no_reader() -> int:
    """Whoever read our output has seen enough; what is still buffered must not complain at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return report.OUTPUT


def _show_version(wanted: bool) -> None:
    if wanted:
        from editor.cli.version import version

        report.say(f"palimpsest {version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def edit(
    source: Input,
    instruction: Annotated[
        str, typer.Argument(metavar="INSTRUCTION", help="What to change, in words.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="OUT",
            help="The picture to write: OUT-1, OUT-2, ... for several variants; an .ora or .psd gets a layer for each.",
        ),
    ],
    model: Annotated[str | None, typer.Option(metavar="NAME|DIR", help="A model's name or folder.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, max=10_000, help="Steps of denoising.")] = None,
    text_scale: Annotated[float | None, typer.Option(help="How strongly the instruction counts, from 0.")] = None,
    image_scale: Annotated[float | None, typer.Option(help="How strongly the picture is kept, from 0.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Variant i uses seed + i; random if not given.")
    ] = None,
    variants: Annotated[int, typer.Option(min=1, max=1000, help="How many results to make.")] = 1,
    sampler: Annotated[
        str | None, typer.Option(metavar="NAME", help="euler, euler_ancestral, ddim, dpmpp_2m, dpmpp_2m_karras, lcm.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(metavar="PNG", help="A picture of IN's size: white edits, grey blends, black stays.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=8, max=16384, help="The long side that the model sees, in pixels.")
    ] = None,
    provider: Annotated[
        str, typer.Option(metavar="NAME", help="auto, cuda, directml, openvino, coreml or cpu.")
    ] = "auto",
    full_res: Annotated[bool, typer.Option(help="Carry the edit over to the picture's own pixels.")] = True,
    guidance_interval: Annotated[
        str, typer.Option(metavar="FROM-TO", help="Guide only in this part of the steps; 0-0.5 is faster.")
    ] = "0-1",
    reuse: Annotated[
        int, typer.Option(min=1, max=1000, help="Compute the model's deep part every so many steps; 3 is faster.")
    ] = 1,
    memory_limit: Annotated[
        str, typer.Option(metavar="SIZE", help="Memory that the edit may take, like 6GB; what is free if not given.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Edit a picture by an instruction."""
    from editor.cli.edit import EditOptions, Overrides, edit_picture, interval_of, limit_of

    overrides = Overrides(steps, text_scale, image_scale, sampler, size)
    interval = interval_of(guidance_interval)
    edit_picture(
        EditOptions(
            source,
            instruction,
            out,
            model,
            overrides,
            seed,
            variants,
            mask,
            provider,
            full_res,
            interval,
            reuse,
            as_json,
            limit_of(memory_limit),
        )
    )


@app.command()
def convert(
    source: Input,
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="The picture to write; its suffix says the format.", show_default=False),
    ],
    as_json: Json = False,
) -> None:
    """Convert a picture, and tell what the new format cannot hold."""
    from editor.cli.flat import convert_picture

    convert_picture(source, out, as_json)


@app.command()
def flatten(
    source: Input,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT", help="The flat picture to write.")],
) -> None:
    """Write all layers as one flat PNG."""
    from editor.cli.flat import flatten_picture

    flatten_picture(source, out)


@app.command()
def info(source: Input, as_json: Json = False) -> None:
    """Tell what is in a picture file, with its layers from the top one down."""
    from editor.cli.flat import show_info

    show_info(source, as_json)


@app.command()
def replay(
    source: Annotated[Path, typer.Argument(metavar="DOC", help="A layered file.", show_default=False)],
    layer: Annotated[str, typer.Option("--layer", metavar="NAME", help="A layer that an edit made.")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME|DIR", help="A model's name or folder; the recipe's if not given.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="As for edit; the recipe's if not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a layer's recipe again and tell whether the pixels match; the file stays as it is."""
    from editor.cli.replay import ReplayOptions
    from editor.cli.replay import replay as run_again

    run_again(ReplayOptions(source, layer, model, provider, as_json))


@app.command()
def doctor(
    speed: Annotated[bool, typer.Option("--speed", help="Also measure how fast a model runs here.")] = False,
    model: Annotated[str | None, typer.Option(metavar="NAME|DIR", help="The model to measure.")] = None,
    provider: Annotated[str, typer.Option(metavar="NAME", help="As for edit.")] = "auto",
    as_json: Json = False,
) -> None:
    """Tell what works on this machine, and why the rest does not."""
    from editor.cli.doctor import run as examine

    raise typer.Exit(examine(as_json, speed or model is not None, model, provider))


@models.command("list")
def models_list() -> None:
    """List the models."""
    from editor.cli import models as command

    command.show()


@models.command("add")
def models_add(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PATH|FILE|URL|hub:OWNER/NAME",
            help="A model's folder or file; an address is fetched once you say yes.",
            show_default=False,
        ),
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="What to call it; its own name if not given.")] = "",
    licence: Annotated[str, typer.Option(metavar="TEXT", help="Its licence, where the files do not say it.")] = "",
    lora: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE[:WEIGHT]", help="A LoRA to merge into it, with a weight from 0 to 2; repeatable."),
    ] = None,
    few_steps: Annotated[
        bool | None,
        typer.Option("--few-steps/--no-few-steps", help="Whether the LoRA is for edits of a few steps."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For a single file: a folder with its vocabulary.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go to the network without asking.")] = False,
) -> None:
    """Import a model into the user's models: converted where needed, verified, kept once."""
    from editor.cli import models as command

    command.add(command.AddOptions(source, name, licence, tuple(lora or ()), few_steps, config, yes))


ModelName = Annotated[str, typer.Argument(metavar="NAME", help="The model's name or folder.", show_default=False)]


@models.command("verify")
def models_verify(name: ModelName) -> None:
    """Compare every file of a model with its recorded hash."""
    from editor.cli import models as command

    command.verify(name)


@models.command("remove")
def models_remove(name: ModelName) -> None:
    """Delete a model that was added."""
    from editor.cli import models as command

    command.remove(name)


@models.command("export", context_settings={"ignore_unknown_options": True, "help_option_names": []})
def models_export(
    words: Annotated[list[str], typer.Argument(metavar="SOURCE -o DIR", help="Handed to python -m training export.")],
) -> None:
    """Turn a diffusers model into a model folder for this program."""
    _hand_over("export", words)


def _hand_over(name: str, words: list[str]) -> None:
    from editor.cli.training import hand_over

    sys.stdout.flush()
    raise _Answered(hand_over(name, words))


def _hand_over_command(name: str, text: str) -> None:
    """`palimpsest NAME ...` is `python -m training NAME ...`, also its --help. Without a text it is not listed."""

    @app.command(
        name,
        help=text,
        hidden=not text,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []},
    )
    def command(words: Annotated[list[str] | None, typer.Argument(metavar="...")] = None) -> None:
        _hand_over(name, words or [])


for _name, _text in TRAINING_COMMANDS.items():
    _hand_over_command(_name, _text)
