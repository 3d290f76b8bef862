"""Contracts, features, datasets, batches and consents: how data comes in and what is said about it. Never a value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.errors import GloveboxError, Unavailable
from gateway.cli import connection, landing
from gateway.cli.output import AsJson, language, note, say, show_error, show_json, show_list, show_one, show_sentence
from gateway.client.uploads import check_only_withdraws, read_bounded, seal_file, sha256_of_file

DatasetOption = Annotated[str, typer.Option("--dataset", help="The register that identifies subjects.")]
LARGEST_DOCUMENT = 4 << 20  # bytes


def register(app: typer.Typer) -> None:
    contracts = typer.Typer(help="Data contracts (数据契约): one YAML file per table.", no_args_is_help=True)
    contracts.command("check")(check_contracts)
    contracts.command("add")(add_contracts)
    app.add_typer(contracts, name="contract")
    features = typer.Typer(help="Declared features (特征).", no_args_is_help=True)
    features.command("add")(add_features)
    features.command("list")(list_features)
    app.add_typer(features, name="feature")
    datasets = typer.Typer(help="Datasets (数据集) and their fields.", no_args_is_help=True)
    datasets.command("list")(list_datasets)
    datasets.command("show")(show_dataset)
    datasets.command("search")(search_datasets)
    app.add_typer(datasets, name="dataset")
    app.command("intake")(intake)
    consents = typer.Typer(help="Subjects' consents (授权同意).", no_args_is_help=True)
    consents.command("load")(load_consents)
    consents.command("revoke")(revoke_consents)
    app.add_typer(consents, name="consent")


def check_contracts(files: Annotated[list[Path], typer.Argument(metavar="FILE…")], as_json: AsJson = False) -> None:
    """Check contract files on this machine, without the platform. Exit 2 when one is wrong."""
    found = [_checked(file) for file in files]
    if as_json:
        show_json([{"file": str(file), "ok": error is None, **_problem(error)} for file, error in zip(files, found, strict=True)])
    for file, error in zip(files, found, strict=True):
        if error is not None:
            show_error(error)
        elif not as_json:
            say("cli.contract_good", file=file.name)
    worst = max((error.exit_code for error in found if error is not None), default=0)
    raise typer.Exit(worst)


def _checked(file: Path) -> GloveboxError | None:
    try:
        from catalog.contract_files import read_contract
    except ModuleNotFoundError as error:
        raise Unavailable("client.server_extra", module=error.name) from None
    try:
        read_bounded(file, LARGEST_DOCUMENT)
        read_contract(file)
    except GloveboxError as error:
        return error
    return None


def _problem(error: GloveboxError | None) -> dict[str, Any]:
    return {} if error is None else {"code": error.code, "params": error.params, "text": error.text(language())}


def add_contracts(files: Annotated[list[Path], typer.Argument(metavar="FILE…")], as_json: AsJson = False) -> None:
    """Register contracts; a file is named after its dataset."""
    with connection.signed_in() as client:
        answers = [client.put_contract(file.stem, read_bounded(file, LARGEST_DOCUMENT)) for file in files]
    if as_json:
        show_json(answers)
    else:
        for file in files:
            say("cli.contract_added", dataset=file.stem)


def add_features(file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: AsJson = False) -> None:
    """Register the features of a features.yaml."""
    with connection.signed_in() as client:
        answer = client.put_features(read_bounded(file, LARGEST_DOCUMENT))
    told = answer if isinstance(answer, dict) else {"features": answer}
    names = [str(each["name"]) if isinstance(each, dict) else str(each) for each in told.get("features") or ()]
    show_sentence(told, as_json, "cli.features_added", count=len(names), names=", ".join(names))


def list_features(as_json: AsJson = False) -> None:
    """Features a job may ask for."""
    with connection.signed_in() as client:
        show_list(client.features(), ("name", "type", "dataset", "aggregate", "field", "window_days"), as_json)


def list_datasets(as_json: AsJson = False) -> None:
    """Datasets of the province."""
    with connection.signed_in() as client:
        show_list(client.datasets(), ("name", "department", "title_zh", "title_en", "data_class", "consent_class"), as_json)


def show_dataset(name: str, as_json: AsJson = False) -> None:
    """One dataset: its fields, what can be granted and why not, its snapshots."""
    with connection.signed_in() as client:
        dataset = client.dataset(name)
    if as_json:
        return show_json(dataset)
    show_one({key: value for key, value in dataset.items() if key not in ("fields", "snapshots")}, False)
    show_list(dataset.get("fields", []), ("name", "title_zh", "type", "grade", "grantable", "reason"), False)
    return show_list(dataset.get("snapshots", []), tuple(dataset["snapshots"][0]), False) if dataset.get("snapshots") else None


def search_datasets(words: str, as_json: AsJson = False) -> None:
    """Datasets and fields whose name or title holds WORDS."""
    with connection.signed_in() as client:
        known = client.datasets()
    hits = [hit for dataset in known for hit in _hits(dataset, words.casefold())]
    show_list(hits, ("dataset", "field", "title_zh", "title_en"), as_json)


def _hits(dataset: dict[str, Any], words: str) -> list[dict[str, Any]]:
    rows = [{**dataset, "dataset": dataset["name"], "field": ""}]
    rows += [{**field, "dataset": dataset["name"], "field": field["name"]} for field in dataset.get("fields", [])]
    names = ("dataset", "field", "title_zh", "title_en")
    found = [{name: row.get(name, "") for name in names} for row in rows]
    return [row for row in found if any(words in str(row[name] or "").casefold() for name in names[1 if row["field"] else 0 :])]


def intake(dataset: str, file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: AsJson = False) -> None:
    """Take in a department's batch (入库): copied to the landing folder on this machine; only its name and hash travel."""
    sha256 = sha256_of_file(file)
    with connection.signed_in() as client:
        department = client.dataset(dataset)["department"]
        landing.copy_in(file, department, sha256)
        show_one(client.start_intake(dataset, file.name, sha256), as_json)


def load_consents(file: Annotated[Path, typer.Argument(metavar="FILE")], dataset: DatasetOption, as_json: AsJson = False) -> None:
    """Load a consent file, sealed here to the platform."""
    with connection.signed_in() as client:
        show_one(client.load_consents(dataset, seal_file(file, client.reception())), as_json)


def revoke_consents(file: Annotated[Path, typer.Argument(metavar="FILE")], dataset: DatasetOption, as_json: AsJson = False) -> None:
    """Load a file whose every line withdraws a consent; refused when one does not."""
    lines = check_only_withdraws(file)
    with connection.signed_in() as client:
        show_one(client.load_consents(dataset, seal_file(file, client.reception())), as_json)
    note("cli.withdrawals_sent", lines=lines)
