"""qMRMLNodeComboBox follows the scene."""

import pytest

from Testing.harness.fixtures import start

start()

import slicer  # noqa: E402

VOLUME = "vtkMRMLScalarVolumeNode"

pytestmark = pytest.mark.usefixtures("harness_session")


@pytest.fixture
def selector() -> object:
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = [VOLUME]
    selector.setMRMLScene(slicer.mrmlScene)
    return selector


def add(name: str, kind: str = VOLUME) -> object:
    return slicer.mrmlScene.AddNewNodeByClass(kind, name)


def listed(selector: object) -> list[str]:
    return [selector.nodeFromIndex(index).GetName() for index in range(selector.nodeCount())]


def test_it_is_disabled_without_a_scene() -> None:
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = [VOLUME]
    add("CT")
    assert not selector.enabled
    assert selector.currentNode() is None
    selector.setMRMLScene(slicer.mrmlScene)
    assert selector.enabled
    assert selector.currentNode().GetName() == "CT"


def test_it_lists_nodes_of_its_types_only(selector: object) -> None:
    for name, kind in (("CT", VOLUME), ("S", "vtkMRMLSegmentationNode"), ("MR", VOLUME)):
        add(name, kind)
    add("labels", "vtkMRMLLabelMapVolumeNode")
    assert listed(selector) == ["CT", "MR", "labels"]
    selector.showChildNodeTypes = False
    assert listed(selector) == ["CT", "MR"]


def test_hidden_nodes_are_not_listed(selector: object) -> None:
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetHideFromEditors(True)
    slicer.mrmlScene.AddNode(node)
    assert listed(selector) == []
    selector.showHidden = True
    assert len(listed(selector)) == 1


def test_the_first_node_is_chosen_unless_none_is_allowed(selector: object) -> None:
    ct = add("CT")
    assert selector.currentNode() is ct
    assert selector.currentNodeID == ct.GetID()
    optional = slicer.qMRMLNodeComboBox()
    optional.nodeTypes = [VOLUME]
    optional.noneEnabled = True
    optional.setMRMLScene(slicer.mrmlScene)
    assert optional.currentNode() is None
    assert optional.currentNodeID == ""


def test_signals_tell_every_change_once(selector: object) -> None:
    nodes, ids, added, going = [], [], [], []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", nodes.append)
    selector.connect("currentNodeIDChanged(QString)", ids.append)
    selector.connect("nodeAdded(vtkMRMLNode*)", added.append)
    selector.connect("nodeAboutToBeRemoved(vtkMRMLNode*)", going.append)
    ct, mr = add("CT"), add("MR")
    selector.setCurrentNode(mr)
    selector.setCurrentNode(mr)
    slicer.mrmlScene.RemoveNode(mr)
    assert nodes == [ct, mr, ct]
    assert ids == [ct.GetID(), mr.GetID(), ct.GetID()]
    assert (added, going) == ([ct, mr], [mr])
    slicer.mrmlScene.RemoveNode(ct)
    assert nodes[-1] is None
    assert ids[-1] == ""


def test_a_renamed_node_is_shown_by_its_new_name(selector: object) -> None:
    ct = add("CT")
    ct.SetName("CT of the neck")
    combo = selector._native._combo
    assert combo.currentText() == "CT of the neck"
    assert selector.currentNode() is ct


def test_closing_the_scene_empties_it(selector: object) -> None:
    add("CT")
    slicer.mrmlScene.Clear(False)
    assert listed(selector) == []
    assert selector.currentNode() is None


def test_a_node_is_created_and_chosen(selector: object) -> None:
    selector.baseName = "CT"
    added = []
    selector.connect("nodeAddedByUserAction(vtkMRMLNode*)", added.append)
    combo = selector._native._combo
    index = combo.findText("Create new CT")
    combo.activated.emit(index)
    (node,) = added
    assert selector.currentNode() is node
    assert node.GetName() == "CT"
    selector.addEnabled = False
    assert combo.findText("Create new CT") < 0


def test_only_nodes_with_an_attribute(selector: object) -> None:
    selector.addAttribute(VOLUME, "VoCo.Kind", "result")
    ct = add("CT")
    assert listed(selector) == []
    ct.SetAttribute("VoCo.Kind", "result")
    selector.removeAttribute(VOLUME, "VoCo.Kind")
    assert listed(selector) == ["CT"]


def test_what_is_no_node_is_refused(selector: object) -> None:
    with pytest.raises(TypeError):
        selector.setCurrentNode(3)
    with pytest.raises(AttributeError, match="setNodeTypes"):
        selector.setNodeTypes([VOLUME])
    with pytest.raises(AttributeError, match="has no signal"):
        selector.connect("currentNodeChanged(QObject*)", print)


def test_a_deleted_selector_lets_the_scene_go(selector: object) -> None:
    before = slicer.mrmlScene.HasObserver("AnyEvent")
    other = slicer.qMRMLNodeComboBox()
    other.nodeTypes = [VOLUME]
    other.setMRMLScene(slicer.mrmlScene)
    other.deleteLater()
    slicer.app.processEvents()
    del other
    add("CT")
    assert slicer.mrmlScene.HasObserver("AnyEvent") == before
