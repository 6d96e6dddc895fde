import typer

from pointsman.cli.evaluate_classifier import classifier
from pointsman.cli.evaluate_router import router


def register(app: typer.Typer) -> None:
    """Add `evaluate` with its commands."""
    evaluate = typer.Typer(help="Judge what was learned, on data of your own.", no_args_is_help=True)
    evaluate.command("classifier")(classifier)
    evaluate.command("router")(router)
    app.add_typer(evaluate, name="evaluate")
