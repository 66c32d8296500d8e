"""What 3D Slicer sets up around its scene, for slicer-core without an application window."""

import slicer


class HeadlessApplication:
    """A MRML scene with the colours, logics and standard views that 3D Slicer gives its own.

    Inside 3D Slicer use `slicer.mrmlScene` instead. Keep a reference to this object for as long
    as its scene is used: nothing else holds the logics, and the colours vanish with theirs.

    Attributes:
        scene: a `vtkMRMLScene` with default colours, three slice views and one 3-D view.
    """

    def __init__(self) -> None:
        self.scene = slicer.vtkMRMLScene()
        self._application_logic = slicer.vtkSlicerApplicationLogic()
        self._application_logic.SetMRMLScene(self.scene)
        self._layout_logic = slicer.vtkMRMLLayoutLogic()
        self._module_logics = {
            "Colors": slicer.vtkMRMLColorLogic(),
            "SubjectHierarchy": slicer.vtkSlicerSubjectHierarchyModuleLogic(),
            "Markups": slicer.vtkSlicerMarkupsLogic(),
            "Segmentations": slicer.vtkSlicerSegmentationsModuleLogic(),
            "Sequences": slicer.vtkSlicerSequencesLogic(),
        }
        for name, logic in self._module_logics.items():
            logic.SetMRMLScene(self.scene)
            logic.SetMRMLApplicationLogic(self._application_logic)
            self._application_logic.SetModuleLogic(name, logic)
        self._add_views()

    def _add_views(self) -> None:
        patient_right_is_screen_left = True
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(
            self.scene, patient_right_is_screen_left
        )
        self._layout_logic.SetMRMLScene(self.scene)
        self._layout_logic.GetLayoutNode().SetViewArrangement(
            slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
        )
        for slice_node in self.scene.GetNodesByClass("vtkMRMLSliceNode"):
            composite_node = slicer.vtkMRMLSliceCompositeNode()
            composite_node.SetLayoutName(slice_node.GetLayoutName())
            self.scene.AddNode(composite_node)
        for view_node in self.scene.GetNodesByClass("vtkMRMLViewNode"):
            camera_node = slicer.vtkMRMLCameraNode()
            camera_node.SetLayoutName(view_node.GetLayoutName())
            self.scene.AddNode(camera_node)
