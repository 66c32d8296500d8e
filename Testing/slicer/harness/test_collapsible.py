"""Folding hides everything; unfolding does not show what the module itself has hidden."""

import ctk
import pytest
import qt


@pytest.mark.parametrize("name", ["ctkCollapsibleButton", "ctkCollapsibleGroupBox"])
def test_what_the_module_hides_stays_hidden_when_unfolded(harness_session: None, name: str) -> None:
    section = getattr(ctk, name)()
    layout = qt.QVBoxLayout(section)
    first, second = qt.QLabel("first"), qt.QLabel("second")
    layout.addWidget(first)
    layout.addWidget(second)
    second.setVisible(False)
    section.collapsed = True
    section.show()
    assert not first.visible
    assert not second.visible
    section.collapsed = False
    assert first.visible
    assert not second.visible
    section.collapsed = True
    second.setVisible(True)
    first.setVisible(False)
    assert not second.visible
    section.collapsed = False
    assert second.visible
    assert not first.visible
