"""How a model's training files hold its texts: column names, cleaning and CSV delimiter.

This is stored beside the SavedModel, so that files of the same form can be predicted, and judged by
the same metrics.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from components import configuration, files
from components.example_gen.classification.dataset import Columns, TextDataset, parts

# TF Serving ignores unknown files in this folder of a SavedModel.
_PATH = ("assets.extra", "input_columns.json")
_MAX_BYTES = 1 << 20
_DEFAULT_CSV_DELIMITER = ","


@dataclasses.dataclass(frozen=True)
class InputColumns:
    """How files hold a model's texts.

    Attributes:
        names: column names by the model's input names, such as "text_a", and that of the "label"
            for evaluations. Several columns are joined to one text. A file may always use the
            model's names instead; inputs without an entry have no other name.
        strip: whether white space around texts is removed.
        replacements: (old, new) pairs that are applied to the texts in this order, after `strip`.
        csv_delimiter: delimiter between the columns of CSV files.
        replaced_in_graph: whether the model's graph applies `replacements` to the texts that it is
            given. The graphs of earlier versions do not.
        metrics: names of the data set's metrics, for evaluations; empty if the model is of an
            earlier version.
    """

    names: Mapping[str, str | tuple[str, ...]] = dataclasses.field(default_factory=dict)
    strip: bool = False
    replacements: tuple[tuple[str, str], ...] = ()
    csv_delimiter: str = _DEFAULT_CSV_DELIMITER
    replaced_in_graph: bool = False
    metrics: tuple[str, ...] = ()

    @classmethod
    def of(cls, dataset: TextDataset) -> InputColumns:
        """Returns the columns of a data set, as its first split has them."""
        columns = dataset.columns_of(next(iter(dataset.splits)))
        texts = [field.name for field in dataclasses.fields(Columns)]
        given = {name: getattr(columns, name) for name in texts if name != "guid"}
        return cls(
            names={
                name: column
                for name, column in given.items()
                if column is not None and all(isinstance(part, str) for part in parts(column))
            },
            strip=dataset.strip,
            replacements=dataset.replacements,
            csv_delimiter=dataset.delimiter
            if dataset.file_format == "csv"
            else _DEFAULT_CSV_DELIMITER,
        )

    @property
    def quotes_tabs(self) -> bool:
        """Whether tables with tabs are quoted, as pandas and spreadsheets write them.

        Those that the model was trained on tell by their delimiter, and others are taken to be of
        the same kind.
        """
        return self.csv_delimiter == "\t"

    def column_of(self, name: str, fields: Mapping[str, object]) -> str:
        """Returns the column that holds an input of the model.

        Args:
            name: name of the input.
            fields: a row of the file, by column.
        """
        own = self.names.get(name, name)
        return own if isinstance(own, str) and own in fields else name

    def joined_columns(self, name: str, fields: Mapping[str, object]) -> tuple[str, ...]:
        """Returns those columns of a row that are joined to an input of the model.

        Args:
            name: name of the input.
            fields: a row of the file, by column.

        Returns:
            Nothing if the input has a single column, or if the row has none of the columns.
        """
        own = self.names.get(name, name)
        return () if isinstance(own, str) else tuple(part for part in own if part in fields)

    def clean(self, text: str) -> str:
        """Cleans a text as it was cleaned for training."""
        if self.strip:
            text = text.strip()
        for old, new in self.replacements:
            text = text.replace(old, new)
        return text

    def clean_for_graph(self, text: str) -> str:
        """Cleans a text as far as the model's graph does not do it itself."""
        if self.replaced_in_graph:
            # Twice would be wrong: of `""""`, two quotation marks should be left, not one.
            return text.strip() if self.strip else text
        return self.clean(text)


def write(directory: str, columns: InputColumns) -> None:
    """Writes the columns beside a SavedModel."""
    text = json.dumps(dataclasses.asdict(columns), indent=2, sort_keys=True) + "\n"
    files.write_bytes(files.join(directory, *_PATH), text.encode())


def read(directory: str) -> InputColumns:
    """Reads the columns of a SavedModel; if none are stored, its signature's names are used."""
    path = files.join(directory, *_PATH)
    try:
        content = files.read_bytes(path, max_bytes=_MAX_BYTES)
    except files.NoSuchFilesError:
        return InputColumns()
    return configuration.from_json(InputColumns, content.decode(), where=path)
