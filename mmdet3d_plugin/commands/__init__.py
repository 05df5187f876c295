"""Commands behind ``tools/``.

``tools/NAME.py`` runs ``main`` of ``commands/NAME.py``. The other files hold shared parts:

- ``command_line``: error messages and exit codes of every command;
- ``help_formatter``: format of the ``--help`` texts;
- ``options``: options and config checks of ``train``, ``test`` and ``benchmark``;
- ``training_log``: reader of MMEngine's log, for ``report`` and ``ablate``;
- ``evaluate_kitti``, ``evaluate_waymo``, ``evaluate_depth`` and ``evaluate_retrieval``: the
  benchmarks of ``evaluate``;
- ``ablation_run`` and ``ablation_table``: one run and the table of ``ablate``;
- ``speed_test`` and ``step_profile``: the measurements of ``benchmark``;
- ``prediction_files``: the outputs of ``predict``.
"""
