"""The report as one web page in both languages: nothing of it is fetched from anywhere, and it prints well.

Each picture is in it once, as an SVG symbol that both languages show. Without JavaScript, two radio buttons choose the
language; printed, the page has the chosen one.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from tradehall.casefile.document import Block, Column, Document, Facts, Figures, Head, Section, Table, Words
from tradehall.casefile.pictures import Picture
from tradehall.kernel.i18n import LANGUAGE_TAGS, LOCALE_NAMES

_STYLE = """
:root{--ink:#1a2230;--quiet:#5b6678;--line:#d5dbe5;--soft:#f5f7fa;--bad:#b42318;color-scheme:light}
*{box-sizing:border-box}
body{margin:0;background:#e9edf2;color:var(--ink);font:14px/1.5 system-ui,"Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif}
main{max-width:60rem;margin:1.5rem auto;background:#fff;padding:2.5rem;box-shadow:0 1px 4px #0002}
h1{font-size:1.7rem;line-height:1.2;margin:0}h2{font-size:1.2rem;margin:2.2rem 0 .7rem;padding-top:.7rem;border-top:2px solid var(--ink)}
h3{font-size:1rem;margin:1.4rem 0 .3rem}h3 small{display:block;font-weight:400;color:var(--quiet);font-size:.85rem}
p{margin:.4rem 0;white-space:pre-line;overflow-wrap:anywhere}.quiet,.subtitle{color:var(--quiet)}.bad{color:var(--bad);font-weight:600}
.mono,code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.82em;overflow-wrap:anywhere}
p.mono{background:var(--soft);padding:.6rem .8rem;border:1px solid var(--line);border-radius:4px}
dl{display:grid;grid-template-columns:minmax(8rem,13rem) 1fr;margin:.4rem 0;border-top:1px solid var(--line)}
dt,dd{padding:.3rem .5rem .3rem 0;margin:0;border-bottom:1px solid var(--line);overflow-wrap:anywhere;white-space:pre-line}dt{color:var(--quiet)}
table{width:100%;border-collapse:collapse;table-layout:fixed;font-size:.86rem;margin:.5rem 0}
th{text-align:left;background:var(--soft)}th,td{border:1px solid var(--line);padding:.3rem .45rem;vertical-align:top;overflow-wrap:anywhere;white-space:pre-line}
td.number{text-align:right}thead{display:table-header-group}tr,figure,h2,h3{break-inside:avoid}h2,h3{break-after:avoid}
.figures{display:grid;grid-template-columns:1fr 1fr;gap:1rem;margin:.6rem 0}figure{margin:0}figure svg{width:100%;height:auto;border:1px solid var(--line);display:block}
figcaption{font-size:.78rem;color:var(--quiet);overflow-wrap:anywhere}
.chosen{position:absolute;opacity:0}.languages{text-align:right;font-size:.9rem}.languages label{cursor:pointer;padding:.25rem .6rem;border:1px solid var(--line);border-radius:4px}
article{display:none}footer{margin-top:2.5rem;color:var(--quiet);font-size:.8rem;border-top:1px solid var(--line);padding-top:.6rem}
@media(max-width:40rem){main{padding:1.2rem;margin:0}dl{grid-template-columns:1fr}dt{border:0;padding-bottom:0}.figures{grid-template-columns:1fr}.table{overflow-x:auto}table{min-width:38rem}}
@page{size:A4;margin:16mm 14mm}
@media print{body{background:#fff;font-size:10pt}main{max-width:none;margin:0;padding:0;box-shadow:none}.languages{display:none}.apart{break-before:page}}
"""  # noqa: E501


def page(documents: Sequence[Document], first: str, pictures: Mapping[str, Picture]) -> bytes:
    """The whole page, UTF-8. `first` is the language it opens in."""
    return "".join(_page(documents, first, pictures)).encode()


def _page(documents: Sequence[Document], first: str, pictures: Mapping[str, Picture]) -> Iterator[str]:
    shown = next((one for one in documents if one.language == first), documents[0])
    chosen = "".join(
        f"#in-{one.language}:checked~article.{one.language}{{display:block}}"
        f"#in-{one.language}:checked~.languages label[for=in-{one.language}]{{background:var(--ink);color:#fff}}"
        f"#in-{one.language}:focus-visible~.languages label[for=in-{one.language}]{{outline:2px solid}}"
        for one in documents
    )
    yield f'<!doctype html><html lang="{LANGUAGE_TAGS[shown.language]}"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    yield f'img-src data:"><title>{escape(shown.title)}</title><style>{_STYLE}{chosen}</style></head><body>'
    yield '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>'
    for name, picture in pictures.items():
        data = b64encode(picture.jpeg).decode()
        yield f'<image id="{escape(name)}" width="{picture.width}" height="{picture.height}" '
        yield f'href="data:image/jpeg;base64,{data}"/>'
    yield "</defs></svg><main>"
    for one in documents:
        checked = " checked" if one is shown else ""
        yield f'<input class="chosen" type="radio" name="language" id="in-{one.language}"{checked} '
        yield f'aria-label="{LOCALE_NAMES[one.language]}">'
    yield '<p class="languages">'
    yield " ".join(f'<label for="in-{one.language}">{LOCALE_NAMES[one.language]}</label>' for one in documents)
    yield "</p>"
    for one in documents:
        yield from _article(one, pictures)
    yield "</main></body></html>\n"


def _article(document: Document, pictures: Mapping[str, Picture]) -> Iterator[str]:
    yield f'<article class="{document.language}" lang="{LANGUAGE_TAGS[document.language]}">'
    yield f'<h1>{escape(document.title)}</h1><p class="subtitle">{escape(document.subtitle)}</p>'
    for section in document.sections:
        yield from _section(section, document.language, pictures)
    yield f"<footer>{escape(document.foot)}</footer></article>"


def _section(section: Section, language: str, pictures: Mapping[str, Picture]) -> Iterator[str]:
    apart = ' class="apart"' if section.apart else ""
    yield f'<section id="{section.key}-{language}"{apart}><h2>{escape(section.title)}</h2>'
    for block in section.blocks:
        yield from _block(block, pictures)
    yield "</section>"


def _block(block: Block, pictures: Mapping[str, Picture]) -> Iterator[str]:
    match block:
        case Words():
            yield f'<p class="{block.kind}">{escape(block.text)}</p>'
        case Head():
            beside = f"<small>{escape(block.beside)}</small>" if block.beside else ""
            yield f"<h3>{escape(block.title)}{beside}</h3>"
        case Facts():
            yield "<dl>"
            for name, value in block.rows:
                yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
            yield "</dl>"
        case Table():
            yield from _table(block)
        case Figures():
            yield '<div class="figures">'
            for figure in block.figures:
                size = pictures[figure.picture]
                yield f'<figure><svg viewBox="0 0 {size.width} {size.height}" role="img" '
                yield f'aria-label="{escape(figure.caption)}"><use href="#{escape(figure.picture)}"/></svg>'
                yield f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
            yield "</div>"


def _table(table: Table) -> Iterator[str]:
    whole = sum(column.share for column in table.columns)
    yield '<div class="table"><table><colgroup>'
    for column in table.columns:
        yield f'<col style="width:{100 * column.share / whole:.1f}%">'
    yield "</colgroup><thead><tr>"
    for column in table.columns:
        yield f'<th scope="col">{escape(column.heading)}</th>'
    yield "</tr></thead><tbody>"
    for row in table.rows:
        yield "<tr>"
        yield "".join(_cell(column, text) for column, text in zip(table.columns, row, strict=True))
        yield "</tr>"
    yield "</tbody></table></div>"


def _cell(column: Column, text: str) -> str:
    style = "" if column.style == "text" else f' class="{column.style}"'
    return f"<td{style}>{escape(text)}</td>"
