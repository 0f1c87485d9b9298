"""The command: `tally --top 3 < text`."""

import json

import click

import count


@click.command()
@click.option("--top", default=5, show_default=True, help="How many words to print.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("text", type=click.File(), default="-")
def main(top, as_json, text):
    """Counts the words of TEXT, or of standard input."""
    words = count.words(text.read())
    total = sum(n for _, n in words)
    if as_json:
        click.echo(json.dumps({"total": total, "words": words[:top]}))
        return
    click.echo(f"{total} words, the most frequent:")
    for word, n in words[:top]:
        click.echo(f"{n:6}  {word}")
