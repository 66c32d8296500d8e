"""The list of models, what the chosen one is, and how to get another."""

import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from VoCoSlicerLib.models.entry import ModelEntry
from VoCoSlicerLib.models.on_disk import added_models, bundled_models, read_folder
from VoCoSlicerLib.models.releases import PLACE, Release, releases
from VoCoSlicerLib.widget.chosen_python import ChosenPython
from VoCoSlicerLib.widget.download import Fetching
from VoCoSlicerLib.widget.message import Kind, MessagePart, connect
from VoCoSlicerLib.widget.own_models import forget, keep, own_models
from VoCoSlicerLib.worker.environment import bundled_package
from VoCoSlicerLib.worker.messages import WorkerError

LINK = "#3d86d6"
"""The colour of a link, on light and on dark."""

SIGN = "#d08a1c"
"""The colour of the sign before why a model cannot be used, on light and on dark."""


class ModelsPart:
    """The row "Model" with what belongs to it."""

    def __init__(
        self, ui: Any, python: ChosenPython, message: MessagePart, on_chosen: Callable[[], None]
    ) -> None:
        """Take the widgets.

        Args:
            ui: the window's widgets.
            python: fetches weights, and checks what the user adds.
            message: says what became of it.
            on_chosen: is called when another model is chosen.
        """
        self._ui = ui
        self._python, self._message, self._on_chosen = python, message, on_chosen
        self._entries: dict[str, ModelEntry] = {}
        self._releases: dict[str, Release] = {}
        self._own: set[str] = set()
        self._fetching: Fetching | None = None
        self._fetched: Release | None = None
        self._filling = False
        self._more = False
        ui.modelComboBox.connect("currentIndexChanged(int)", self._chosen)
        connect(ui.downloadButton, self._download)
        connect(ui.importButton, self._import)
        connect(ui.cancelDownloadButton, self._cancel)
        ui.modelInfoLabel.connect("linkActivated(QString)", self._show_more)
        ui.downloadWidget.setVisible(False)
        self._make_menu()
        self.reload()

    @property
    def key(self) -> str:
        """The chosen model, as the worker takes it."""
        return self._ui.modelComboBox.itemData(self._ui.modelComboBox.currentIndex) or ""

    @property
    def entry(self) -> ModelEntry | None:
        """What is known of the chosen model; None for one that is not here yet."""
        return self._entries.get(self.key)

    def entries(self) -> list[ModelEntry]:
        """The models that are on this computer."""
        return list(self._entries.values())

    @property
    def fetching(self) -> bool:
        """Whether weights are on their way."""
        return self._fetching is not None

    def hindrance(self) -> str:
        """Why the chosen model cannot segment; empty when it can."""
        release = self._releases.get(self.key)
        if release is not None:
            return release.refusal or _("Download or import the weights of {model} first.").format(
                model=release.name
            )
        entry = self.entry
        return _("Choose a model first.") if entry is None else entry.fault or ""

    def choose(self, key: str) -> None:
        """Choose a model; one that is not in the list is shown as missing."""
        if key and self._ui.modelComboBox.findData(key) < 0:
            why = _("It is not on this computer: add it, or choose another.")
            name = Path(key).name
            self._entries[key] = ModelEntry(key, name, _("Unknown model"), fault=why)
            self._filling = True
            self._ui.modelComboBox.addItem(_("{name} (missing)").format(name=name), key)
            self._filling = False
        index = self._ui.modelComboBox.findData(key)
        if index >= 0 and index != self._ui.modelComboBox.currentIndex:
            self._ui.modelComboBox.setCurrentIndex(index)

    def reload(self) -> None:
        """Read the list again."""
        before = self.key
        combo = self._ui.modelComboBox
        self._filling = True
        combo.clear()
        self._entries, self._releases = {}, {}
        own = own_models()
        self._own = {entry.key for entry in own}
        groups = [bundled_models(Path(bundled_package())), added_models() + own]
        for group in groups:
            self._add_group([(_title(entry), entry.key) for entry in group])
            self._entries.update({entry.key: entry for entry in group})
        waiting = [release for release in releases() if release.name not in self._entries]
        self._releases = {release.name: release for release in waiting}
        self._add_group([(_release_title(release), release.name) for release in waiting])
        self._filling = False
        self.choose(before)
        self._chosen()

    def adopt(self, folder: str) -> None:
        """Take a model that a training made into the list; the choice stays."""
        keep(read_folder(Path(folder), folder))
        self.reload()

    def add(self, path: str) -> None:
        """Check a model folder or a checkpoint file, and take it into the list if it fits."""
        if self._python.ready(self._message) is None:
            return
        self._message.show(Kind.NOTE, _("Checking {name}…").format(name=Path(path).name))

        def checked(answer: Any) -> None:
            entry = ModelEntry.from_worker(answer, path)
            if entry.fault is not None:
                refuse(entry.fault)
                return
            keep(entry)
            self.reload()
            self.choose(path)
            what = _("{name} is in the model list: {task}.")
            self._message.show(Kind.DONE, what.format(name=entry.name, task=entry.task.rstrip(".")))

        def failed(error: WorkerError) -> None:
            refuse(error.message, error.details)

        def refuse(reason: str, detail: str = "") -> None:
            what = _("{name} cannot be used: {reason}")
            text = what.format(name=Path(path).name, reason=reason)
            self._message.show(Kind.ERROR, text, detail)

        self._python.worker().request("model", {"model": path}, checked, failed)

    def cleanup(self) -> None:
        """Stop a download."""
        self._cancel()

    # The list.

    def _add_group(self, items: list[tuple[str, str]]) -> None:
        combo = self._ui.modelComboBox
        if items and combo.count:
            combo.insertSeparator(combo.count)
        for title, key in items:
            combo.addItem(title, key)

    def _chosen(self, _index: int = 0) -> None:
        if self._filling:
            return
        release = self._releases.get(self.key)
        self._ui.releaseWidget.setVisible(
            release is not None and release.refusal is None and not self.fetching
        )
        self._show_info()
        self._forget.setEnabled(self.key in self._own)
        self._on_chosen()

    def _show_info(self) -> None:
        release, entry = self._releases.get(self.key), self.entry
        lines: list[str] = []
        if release is not None:
            lines = list(_release_lines(release))
        elif entry is not None:
            lines = list(_entry_lines(entry, self._more))
        self._ui.modelInfoLabel.setText("<br>".join(lines))
        self._ui.modelInfoLabel.setVisible(bool(lines))

    def _show_more(self, _link: str) -> None:
        self._more = not self._more
        self._show_info()

    # Models of the user's own.

    def _make_menu(self) -> None:
        menu = qt.QMenu(self._ui.addModelButton)
        menu.addAction(_("Model folder…")).connect("triggered(bool)", lambda *_: self._add_folder())
        menu.addAction(_("Checkpoint file…")).connect(
            "triggered(bool)", lambda *_: self._add_file()
        )
        menu.addSeparator()
        self._forget = menu.addAction(_("Take off the list"))
        self._forget.connect("triggered(bool)", lambda *_: self._forget_own())
        self._ui.addModelButton.setMenu(menu)

    def _add_folder(self) -> None:
        title = _("Choose a model folder")
        path = qt.QFileDialog.getExistingDirectory(self._ui.modelComboBox.window(), title)
        if path:
            self.add(path)

    def _add_file(self) -> None:
        path = self._ask_for_weights(_("Choose a checkpoint file"))
        if path:
            self.add(path)

    def _ask_for_weights(self, title: str) -> str:
        kinds = _("Weights (*.pt *.pth *.safetensors);;All files (*)")
        return qt.QFileDialog.getOpenFileName(self._ui.modelComboBox.window(), title, "", kinds)

    def _forget_own(self) -> None:
        forget(self.key)
        self._ui.modelComboBox.setCurrentIndex(0)
        self.reload()

    # The authors' weights.

    def _download(self) -> None:
        release = self._releases[self.key]
        question = _(
            "{model} ({size}) will be downloaded from\n{place}\n\n"
            "Its authors do not state a licence. Whether you may use it, and for what, is for you "
            "to judge.\n\nDownload it and accept this?"
        ).format(model=release.name, size=release.size, place=PLACE)
        if slicer.util.confirmYesNoDisplay(question, windowTitle=_("Licence not stated")):
            self._fetch(release, lambda fetching: fetching.download())

    def _import(self) -> None:
        release = self._releases[self.key]
        question = _(
            "The authors of {model} do not state a licence. Whether you may use it, and for what, "
            "is for you to judge.\n\nImport it and accept this?"
        ).format(model=release.name)
        if not slicer.util.confirmYesNoDisplay(question, windowTitle=_("Licence not stated")):
            return
        path = self._ask_for_weights(_("Choose {file}").format(file=release.file))
        if path:
            self._fetch(release, lambda fetching: fetching.take(Path(path)))

    def _fetch(self, release: Release, start: Callable[[Fetching], None]) -> None:
        environment = self._python.ready(self._message)
        if environment is None:
            return
        self._fetched = release
        self._fetching = Fetching(
            release, environment, self._show_progress, self._fetched_well, self._fetched_badly
        )
        self._ui.downloadWidget.setVisible(True)
        self._chosen()
        start(self._fetching)

    def _show_progress(self, share: float | None, what: str) -> None:
        bar = self._ui.downloadProgressBar
        bar.setMaximum(0 if share is None else 100)
        bar.setValue(0 if share is None else round(100 * share))
        bar.setToolTip(what)

    def _fetched_well(self) -> None:
        release = self._end_fetching()
        self.reload()
        self.choose(release.name)
        self._message.show(Kind.DONE, _("{model} is ready.").format(model=release.name))

    def _fetched_badly(self, reason: str, detail: str) -> None:
        release = self._end_fetching()
        self._chosen()
        what = _("{model} is not there: {reason}")
        self._message.show(Kind.ERROR, what.format(model=release.name, reason=reason), detail)

    def _cancel(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            self._end_fetching()
            self._chosen()

    def _end_fetching(self) -> Release:
        release, self._fetched, self._fetching = self._fetched, None, None
        self._ui.downloadWidget.setVisible(False)
        assert release is not None
        return release


def _title(entry: ModelEntry) -> str:
    if entry.fault is not None and not entry.structures:
        return _("{name}: does not segment").format(name=entry.name)
    return entry.name


def _release_title(release: Release) -> str:
    if release.refusal is not None:
        return _("{name}: cannot be used").format(name=release.name)
    return _("{name}: download or import").format(name=release.name)


def _release_lines(release: Release) -> Iterator[str]:
    yield f"<b>{escape(release.task)}</b>"
    if release.refusal is not None:
        yield _fault(release.refusal)
        return
    yield _("Trained on {data}.").format(data=escape(release.data))
    yield _("Not on this computer yet ({size}). <b>Licence: not stated.</b>").format(
        size=release.size
    )


def _entry_lines(entry: ModelEntry, more: bool) -> Iterator[str]:
    if entry.task:
        yield f"<b>{escape(entry.task)}</b>"
    if entry.fault is not None:
        yield _fault(entry.fault)
    if entry.data:
        data = entry.data if more else re.split(r" \(|;", entry.data)[0]
        yield _("Trained on {data}.").format(data=escape(data.rstrip(".")))
    if entry.results:
        yield _("Measured: {results}.").format(results=escape(entry.results.rstrip(".")))
    if not more:
        if entry.description:
            yield _link("more", _("More"))
        return
    if entry.licence:
        yield _("Licence: {licence}.").format(licence=escape(entry.licence.rstrip(".")))
    if entry.description:
        yield escape(entry.description)
    yield _link("less", _("Less"))


def _link(target: str, text: str) -> str:
    return f'<a href="{target}" style="color:{LINK}">{escape(text)}</a>'


def _fault(text: str) -> str:
    return f'<span style="color:{SIGN}">⚠</span> {escape(text)}'
