"""The module `slicer.parameterNodeWrapper`: typed parameters kept in a node of the scene.

Slicer's own is Base/Python/slicer/parameterNodeWrapper/wrapper.py.
"""

# ruff: noqa: N802, N803, N815 - the names are Slicer's

from collections.abc import Iterable
from typing import Any, get_type_hints

import qt
import slicer
import vtk

from .parameter_gui import Binding, bind
from .parameter_types import (
    MISSING,
    Choice,
    Decimals,
    Default,
    Maximum,
    Minimum,
    Parameter,
    SingleStep,
    WithinRange,
)

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Maximum",
    "Minimum",
    "SingleStep",
    "WithinRange",
    "isParameterNodeWrapper",
    "parameterNodeWrapper",
]


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Make a class of typed parameters of its annotations; use it as a decorator."""
    return _make_wrapper if classtype is None else _make_wrapper(classtype)


def isParameterNodeWrapper(value: Any) -> bool:
    """Whether a class or an object was made by `parameterNodeWrapper`."""
    return hasattr(value, "allParameters")


def _make_wrapper(classtype: type) -> type:
    parameters = {
        name: Parameter(name, hint, getattr(classtype, name, MISSING))
        for name, hint in get_type_hints(classtype, include_extras=True).items()
    }
    reserved = [name for name in parameters if hasattr(ParameterNode, name)]
    if reserved:
        raise ValueError(f"Slicer keeps these names for itself: {reserved}")
    members: dict[str, Any] = {
        name: member for name, member in vars(classtype).items() if not name.startswith("__")
    }
    members |= {name: _property(parameter) for name, parameter in parameters.items()}
    members["allParameters"] = parameters
    members["__doc__"] = classtype.__doc__
    members["__module__"] = classtype.__module__
    return type(classtype.__name__, (ParameterNode,), members)


def _property(parameter: Parameter) -> property:
    return property(
        lambda self: parameter.read(self.parameterNode),
        lambda self, value: self._write(parameter, value),
    )


class ParameterNode:
    """What every class made by `parameterNodeWrapper` can do."""

    allParameters: dict[str, Parameter]

    def __init__(self, parameterNode: Any) -> None:
        self.parameterNode = parameterNode
        self._bindings: dict[int, dict[str, Binding]] = {}
        self._callbacks: dict[int, list[tuple[Binding, Any]]] = {}
        self._next_tag = 0
        self._showing = False
        for parameter in self.allParameters.values():
            if not parameterNode.HasParameter(parameter.name):
                parameter.write(parameterNode, parameter.default)

    def __setattr__(self, name: str, value: Any) -> None:
        own = name.startswith("_") or name == "parameterNode"
        if not own and not isinstance(getattr(type(self), name, None), property):
            raise AttributeError(f"{type(self).__name__} has no parameter {name!r}")
        super().__setattr__(name, value)

    def _write(self, parameter: Parameter, value: Any) -> None:
        with slicer.util.NodeModify(self.parameterNode):
            parameter.write(self.parameterNode, value)

    def getValue(self, paramName: str) -> Any:
        """The value of a parameter by name."""
        return getattr(self, self._known(paramName))

    def setValue(self, paramName: str, value: Any) -> None:
        """Set a parameter by name."""
        setattr(self, self._known(paramName), value)

    def default(self, paramName: str) -> Default:
        """The default of a parameter."""
        return Default(self.allParameters[self._known(paramName)].default)

    def dataType(self, paramName: str) -> Any:
        """The annotated type of a parameter."""
        return self.allParameters[self._known(paramName)].annotated

    def _known(self, name: str) -> str:
        if name not in self.allParameters:
            raise ValueError(f"no parameter is called {name!r}; there are {[*self.allParameters]}")
        return name

    def connectGui(self, gui: Any) -> int:
        """Bind all widgets that have the property SlicerParameterName; return a tag."""
        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets: Iterable[Any] = gui.findChildren(qt.QWidget) if is_widget else vars(gui).values()
        mapping = {}
        for widget in widgets:
            name = widget.property("SlicerParameterName")
            if name:
                mapping[name] = widget
        return self.connectParametersToGui(mapping)

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        """Bind widgets to parameters by name; return a tag for `disconnectGui`."""
        bindings = {
            name: bind(widget, self.allParameters[self._known(name)])
            for name, widget in mapping.items()
        }
        self._next_tag += 1
        tag = self._next_tag
        self._bindings[tag] = bindings
        self._callbacks[tag] = []
        for name, binding in bindings.items():
            binding.write(self.getValue(name))
            callback = self._callback(name, binding)
            getattr(binding.widget, binding.signal).connect(callback)
            self._callbacks[tag].append((binding, callback))
        self.AddObserver(vtk.vtkCommand.ModifiedEvent, self._show)
        return tag

    def disconnectGui(self, guiTag: int) -> None:
        """Undo `connectGui`."""
        for binding, callback in self._callbacks.pop(guiTag, []):
            getattr(binding.widget, binding.signal).disconnect(callback)
        self._bindings.pop(guiTag, None)

    def _callback(self, name: str, binding: Binding) -> Any:
        def changed() -> None:
            if not self._showing:
                self.setValue(name, binding.read())

        return changed

    def _show(self, *_: Any) -> None:
        if self._showing:
            return
        self._showing = True
        try:
            for bindings in list(self._bindings.values()):
                for name, binding in bindings.items():
                    binding.write(self.getValue(name))
        finally:
            self._showing = False

    def StartModify(self) -> Any:
        """Hold back the node's events."""
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified: Any) -> Any:
        """Send the events held back."""
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        """Observe the node."""
        tag: int = self.parameterNode.AddObserver(event, callback, priority)
        return tag

    def RemoveObserver(self, tag: int) -> None:
        """Stop observing the node."""
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        """Tell the node's observers."""
        self.parameterNode.Modified()
