"""Opens a pushed model, and predicts lists, data frames and files."""

from __future__ import annotations

import gc
import os
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast, overload

from pipeline import pushed_folder

if TYPE_CHECKING:
    import pandas as pd

    from components.serving.pushed_model import Kind, PushedModel

# A text, or texts by the names of the model's inputs or of its training data's columns.
Row: TypeAlias = "str | Mapping[str, object]"
# A number for regression; otherwise the outputs by name that docs/serving.md lists.
Prediction: TypeAlias = "float | dict[str, Any]"


def open_model(folder: str | os.PathLike[str]) -> Model:
    """Opens a pushed model.

    Args:
        folder: output folder of a run, folder that a run pushed to, of which the newest version is
            opened, or a single SavedModel; local or `gs://`.

    Raises:
        FileNotFoundError: if there is no model; the message says what was looked for.
        ValueError: if the model is damaged, or takes no text.

    >>> model = open_model(folder)
    >>> model.kind, model.version, model.inputs
    ('classification', 12, ('text_a', 'text_b'))
    """
    # Imports TensorFlow.
    from components.serving.pushed_model import PushedModel

    return Model(PushedModel.latest(pushed_folder.of(os.fspath(folder))))


class Model:
    """A pushed model; `open_model` makes it.

    Attributes:
        kind: "classification", "regression", "multiple_choice" or "question_answering".
        version: number of the version.
        path: path of the SavedModel.
        inputs: names of the texts that a row has. `text_b` may be left out.
    """

    def __init__(self, model: PushedModel) -> None:
        from components.serving import text_rows

        self._model = model
        weakref.finalize(self, _release, vars(model))
        self._inputs = text_rows.inputs_of(model)
        self._columns = model.columns
        # `inputs_of` has refused models without a kind.
        self.kind = cast("Kind", model.kind)
        self.version: int = model.version
        self.path: str = model.path
        self.inputs: tuple[str, ...] = tuple(self._inputs)

    def __repr__(self) -> str:
        return f"<{self.kind} model, version {self.version}, {self.path}>"

    @overload
    def predict(self, rows: pd.DataFrame, *, batch_size: int = ...) -> pd.DataFrame: ...

    @overload
    def predict(self, rows: Iterable[Row], *, batch_size: int = ...) -> list[Prediction]: ...

    def predict(
        self, rows: pd.DataFrame | Iterable[Row], *, batch_size: int = 64
    ) -> pd.DataFrame | list[Prediction]:
        """Predicts rows.

        Args:
            rows: texts, if the model takes a single one; mappings with a text for each of
                `inputs`; or a DataFrame with columns of these names. Columns may also have the
                names that the training data use. Other columns are ignored.
            batch_size: number of rows to predict at a time.

        Returns:
            For a DataFrame, another one with the same index: a column "prediction" with the label
            (in multiple choice, that of the chosen option), the answer or the number, a column
            "score <label>" for each label, and the further outputs of the model, such as "option".
            For anything else, a list with a prediction for
            each row: a number for regression, otherwise a dict (docs/serving.md lists its keys).

        Raises:
            TypeError: if `rows` is a single text or mapping.
            ValueError: if a row cannot be used; the message says which one and why.

        >>> for found in model.predict(["aaab", "bb"]):
        ...     print(found["label"], found["scores"])
        a [0.75, 0.25]
        b [0.0, 1.0]
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"text_a": ["aaab", "bb"], "city": ["Ulm", "Bonn"]}, index=[7, 9])
        >>> frame.join(model.predict(frame))
          text_a  city prediction  score a  score b
        7   aaab   Ulm          a     0.75     0.25
        9     bb  Bonn          b     0.00     1.00
        """
        if isinstance(rows, (str, Mapping)):
            one = "text" if isinstance(rows, str) else "row"
            raise TypeError(
                f"predict takes a list of rows; write predict([{one}]) for a single one."
            )
        _check_batch_size(batch_size)
        if _is_frame(rows):
            return self._predict_frame(rows, batch_size)
        named = ((f"row {number}", row) for number, row in enumerate(rows))
        return [row["prediction"] for row in self._predict(named, batch_size)]

    def predict_file(
        self,
        path: str | os.PathLike[str],
        output: str | os.PathLike[str],
        *,
        batch_size: int = 64,
    ) -> int:
        """Predicts the rows of a file, and writes them to another file with their predictions.

        However long the file is, only one batch of it is in memory.

        Args:
            path: a text or a JSON object on each line, or a table (.csv, .tsv) with a header; may
                be compressed.
            output: file to write: a table if it ends in .csv or .tsv, an array if in .json, and
                otherwise a JSON object on each line.
            batch_size: number of rows to predict at a time.

        Returns:
            The number of rows.

        Raises:
            ValueError: if the file or one of its rows cannot be used; nothing is written then.
            NoSuchFilesError: if there is no such file.
        """
        from components.serving import prediction_files, text_rows

        _check_batch_size(batch_size)
        rows = text_rows.predict_file(self._model, os.fspath(path), batch_size=batch_size)
        return prediction_files.write(
            rows, os.fspath(output), quotes_tabs=self._columns.quotes_tabs
        )

    def evaluate(
        self,
        data: str | os.PathLike[str],
        report_folder: str | os.PathLike[str],
        *,
        batch_size: int = 32,
    ) -> dict[str, float | None]:
        """Judges the model on labelled data that it has not seen, and writes the report.

        Args:
            data: table, folder of texts for each label, RACE folder or SQuAD file, whose columns
                have the names of the training data. `xlnet-pipeline evaluate` takes other names.
            report_folder: folder for `report.html` and `results.json`.
            batch_size: number of rows or questions to predict at a time.

        Returns:
            The metrics by name; docs/your_data.md lists them, and says what they are where they
            are undefined. None stands for what is not a finite number.

        Raises:
            ValueError: if the data have another form than the model needs, or cannot be used.
            NoSuchFilesError: if there are no such data.
        """
        from pipeline import evaluation

        _check_batch_size(batch_size)
        judgement = evaluation.evaluate(
            self._model,
            os.fspath(data),
            directory=os.fspath(report_folder),
            batch_size=batch_size,
        )
        return dict(judgement.results["metrics"])

    def _predict_frame(self, frame: pd.DataFrame, batch_size: int) -> pd.DataFrame:
        import pandas as pd

        from components.serving import prediction_files

        def none_if_missing(value: object) -> object:
            return None if pd.api.types.is_scalar(value) and pd.isna(value) else value

        columns = list(frame.columns)
        if not frame.columns.is_unique or not columns:
            raise ValueError(f"The DataFrame has no columns, or one of them twice: {columns}.")
        # Missing values are NaN in a DataFrame, and null in files.
        named = (
            (
                f"row {index!r}",
                {name: none_if_missing(value) for name, value in zip(columns, row, strict=True)},
            )
            for index, row in zip(
                frame.index, frame.itertuples(index=False, name=None), strict=True
            )
        )
        # A frame without rows has the columns of a row that is only predicted for this.
        predicted = self._predict(named if len(frame) else [("", self._example())], batch_size)
        found = pd.DataFrame([prediction_files.columns_of(row["prediction"]) for row in predicted])
        return found.iloc[: len(frame)].set_axis(frame.index)

    def _example(self) -> Row:
        return {
            name: "word" if length is None else ["word"] * length
            for name, length in self._inputs.items()
        }

    def _predict(
        self, named: Iterable[tuple[str, Row]], batch_size: int
    ) -> Iterator[dict[str, Any]]:
        from components.serving import text_rows

        def checked() -> Iterator[dict[str, Any]]:
            for where, row in named:
                if isinstance(row, str):
                    row = {text_rows.only_text(self._inputs, where): row}
                elif not isinstance(row, Mapping):
                    raise ValueError(f"{where} should be a text or a mapping, not {row!r:.80}.")
                yield text_rows.check(row, where, inputs=self._inputs, columns=self._columns)

        yield from text_rows.predict(self._model, checked(), batch_size=batch_size)


def _release(model: dict[str, Any]) -> None:
    """Frees a model before the interpreter ends, when TensorFlow's destructors would complain."""
    model.clear()
    gc.collect()


def _check_batch_size(batch_size: int) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}.")


def _is_frame(rows: object) -> bool:
    # Whoever has a DataFrame has imported pandas; nobody else needs to wait for it.
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(rows, pandas.DataFrame)
