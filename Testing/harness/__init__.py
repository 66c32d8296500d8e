"""A strict stand-in for 3D Slicer's window, for tests: Qt from PySide6, the scene from slicer-core.

It is test code and not 3D Slicer. `start()` gives the modules `qt`, `ctk` and the parts of
`slicer` that slicer-core lacks; then the module's own code imports and runs as it is:

    from Testing import harness
    harness.start()                          # before the first import of qt, ctk, slicer.app ...
    import qt, ctk, slicer

In tests use the fixtures of `Testing/harness/fixtures.py` (a conftest.py says
`from Testing.harness.fixtures import *`):

    harness_session   a fresh scene, fresh settings, no dialogs; fails the test when an exception
                      left a slot, when a queued answer was not used, or a process still runs
    voco_slicer       the module VoCoSlicer, loaded and shown (a `LoadedWidget`)

`harness.load_module("VoCoSlicer")` returns a `LoadedWidget`: `.widget`, `.logic`, `.ui`,
`.screenshot(path, size=(w, h), dark=False)`, `.close_scene()`, `.save_and_reload_scene(folder)`,
`.enter()`, `.exit()`, `.reload()`, `.unload()`.

`harness.wait(condition, seconds=5)` runs the event loop until the condition holds, else raises.
`harness.dialogs.answer("Yes", "/some/file")` answers the dialogs to come (names of buttons, paths,
texts; a function of the `QDialog` for any other); `harness.dialogs.shown` are the dialogs so far
(`kind`, `text`, `title`, `details`, `buttons`). A message with only OK needs no answer; any other
dialog without an answer raises.
`harness.installations.calls` are the calls of pip, which installs nothing.
`harness.failures.take()` gives the exceptions that left slots, timers, overridden methods and
observers of the scene, and forgets them.

Manners, as PythonQt has them:
    widget.text = "x"; widget.text           properties are attributes, `widget.text()` fails
    widget.setText("x")                      other methods are called; no named arguments, no Path
    widget.connect("clicked(bool)", f)       the signature must be exact
    widget.clicked.connect(f)                f gets as many arguments as it takes
    qt.Qt.AlignLeft, qt.QMessageBox.Yes      enum values live on the class, and are integers
    selector.nodeTypes == ("vtkMRML...",)    lists come back as tuples
    dialog.exec_()                           `exec` is not there
    qt.QSettings().value("on") == "true"     as after a restart: numbers and booleans are text
Anything that Slicer's class lacks raises AttributeError when read, called, connected or set. Of
ctk and qMRML widgets only properties, signals and slots are there, as in Slicer.
Names of qt, ctk and slicer must be on the lists in `names/`, each with the file that defines it.
A .ui file with an unknown widget, property, signal or slot raises.

What it does not check: whether PythonQt wraps a method of a Qt class that PySide6 has, how real
widgets look, and what Slicer's own modules do.
"""

from . import failures
from .dialogs import dialogs
from .packaging import installations
from .session import load_module, new_scene, start
from .waiting import wait

__all__ = [
    "dialogs",
    "failures",
    "installations",
    "load_module",
    "new_scene",
    "start",
    "wait",
]
