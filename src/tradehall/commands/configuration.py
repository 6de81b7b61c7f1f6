"""`tradehall settings`: every setting with its value here, its default and its meaning."""

from collections.abc import Mapping

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tradehall import settings as known
from tradehall.settings import Settings

MASK = "••••••"
SECRETS = {"TRADEHALL_SECRET_KEY", "TRADEHALL_PREVIOUS_SECRET_KEYS", "TRADEHALL_METRICS_TOKEN"}


def show(settings: Settings, environ: Mapping[str, str], console: Console) -> None:
    """Prints the table; what is set in the environment is marked, what nobody knows is warned of."""
    rows = []
    for variable, default, meaning in known.documentation():
        if variable == known.variable("data_dir"):
            value = str(settings.data_dir)
        else:
            value = masked(variable, environ.get(variable, default).strip())
        rows.append((variable, value, default, meaning, variable in environ))
    if console.is_terminal:
        table = Table(box=None, header_style="dim", padding=(0, 2, 1, 0), pad_edge=False)
        for name in ("Setting", "Value", "Default", "Meaning"):
            table.add_column(name, overflow="fold", no_wrap=name == "Setting")
        for variable, value, default, meaning, is_set in rows:
            shown = f"[bold green]{escape(value)}[/bold green]" if is_set else escape(value)
            table.add_row(variable, shown, "" if default == value else escape(default), escape(meaning))
        console.print(table)
    else:
        # One a line, parted by tabs, for other programs.
        for variable, value, default, meaning, _ in rows:
            print(variable, value, default, meaning, sep="\t")
    for variable in known.unknown(environ):
        Console(stderr=True, highlight=False).print(
            f"[yellow]Warning:[/yellow] {variable} is set, but there is no such setting.", soft_wrap=True
        )


def masked(variable: str, value: str) -> str:
    """The value as it may be shown: no key, no token, no password."""
    if variable in SECRETS and value:
        return MASK
    if variable == "DATABASE_URL" and value:
        try:
            parts = conninfo_to_dict(value)
        except ProgrammingError:
            return MASK
        return make_conninfo("", **parts | {"password": MASK}) if parts.get("password") else value
    return value
