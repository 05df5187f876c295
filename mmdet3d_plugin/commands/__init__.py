"""Commands behind ``tools/`` and ``mono3d``.

``tools/NAME.py`` and ``mono3d NAME`` parse their arguments with ``cli/NAME.py`` and run ``main``
of ``commands/NAME.py``. The other files hold shared parts:

- ``command_line``: error messages and exit codes of every command;
- ``options``: effect of the options of ``train``, ``test`` and ``benchmark``;
- ``training_log``: reader of MMEngine's log, for ``report`` and ``ablate``;
- ``evaluate_kitti``, ``evaluate_waymo``, ``evaluate_depth`` and ``evaluate_retrieval``: the
  benchmarks of ``evaluate``;
- ``ablation_run`` and ``ablation_table``: one run and the table of ``ablate``;
- ``speed_test`` and ``step_profile``: the measurements of ``benchmark``;
- ``prediction_files``: the outputs of ``predict``.
"""
