import Schema

/// What the fields of a solver file mean, in the order of the page about them.
public enum SolverReference {
  /// Fields that belong together.
  struct Section {
    let title: String
    /// What there is to say of all of them.
    let text: String
    /// Names and meanings.
    let fields: KeyValuePairs<String, String>
  }

  static let sections: [Section] = [nets, run, update, rate, tests, snapshots, machine]

  private static let nets = Section(
    title: "Which nets",
    text: "Exactly one of `net`, `net_param`, `train_net` and `train_net_param` names the net to "
      + "train. Files are looked for from the current folder first, then from the solver's folder and "
      + "those above it.",
    fields: [
      "net": "The file of the net, for training and for what is left of `test_iter`.",
      "net_param": "The same net, written in the solver itself.",
      "train_net": "The file of a net that is only trained.",
      "train_net_param": "The same, written in the solver itself.",
      "test_net": "Files of nets that are only tested; they come behind those of `test_net_param`.",
      "test_net_param": "Nets that are only tested, written in the solver itself.",
      "train_state": "Level and stages that the rules of layers are matched against in training.",
      "test_state": "The same for each test net: one for each of them, or none.",
      "weights":
        "Weight files to begin with, copied one after the other by the names of layers; one "
        + "value may name several, separated by commas. `--weights` takes their place.",
    ])

  private static let run = Section(
    title: "How long",
    text:
      "An iteration runs `iter_size` batches forward and backward, and updates the weights once.",
    fields: [
      "max_iter": "Iterations in all; must be given. Some policies end there too.",
      "iter_size": "Batches whose gradients are added up, then divided by their number: a larger "
        + "batch than fits into memory.",
      "display": "Iterations between two lines of the log; 0 shows none.",
      "average_loss": "The loss that is shown, and that `plateau` watches, is the mean of so many.",
      "random_seed": "Where all random numbers of the run come from. Negative takes a new seed in "
        + "each run; `--seed` takes its place.",
      "debug_info":
        "Logs the mean size of all values and gradients of iterations that are displayed.",
    ])

  private static let update = Section(
    title: "The update",
    text: "The gradients are scaled down as `clip_gradients` says, divided by `iter_size`, and get "
      + "the weight decay's share; then the rule changes each weight. What is shown as the loss "
      + "has no share of the weight decay.",
    fields: [
      "type": "The rule: see below.",
      "solver_type": "The rule as files before 2015 name it; not beside `type`.",
      "momentum": "What a rule keeps of earlier gradients; β₁ of Adam and AdamW.",
      "momentum2": "β₂ of Adam and AdamW.",
      "rms_decay": "What RMSProp keeps of earlier squares.",
      "delta": "What AdaGrad, RMSProp, AdaDelta, Adam and AdamW add to what they divide by.",
      "weight_decay": "How strongly weights are pulled to 0, times the `decay_mult` of each.",
      "regularization_type": "L2: the decay is weight_decay · w. L1: weight_decay · sign(w).",
      "clip_gradients": "The largest L2 norm of all gradients together, before the division by "
        + "`iter_size`; all are scaled down to it. Negative does not clip.",
    ])

  private static let rate = Section(
    title: "The learning rate",
    text: "The policy gives the rate of an iteration, and each parameter takes that times its "
      + "`lr_mult`. The policies are below.",
    fields: [
      "base_lr": "The rate that the policy starts from; must be given.",
      "lr_policy": "The policy: see below; must be given.",
      "gamma": "By what step, exp, multistep and plateau multiply; how steep inv and sigmoid are.",
      "power": "The exponent of inv and poly.",
      "stepsize": "Iterations between two steps; the middle of sigmoid.",
      "stepvalue": "The iterations of multistep's steps, in rising order.",
      "plateau_winsize":
        "How many iterations plateau waits for a new minimum of the loss: one number "
        + "for each step.",
      "min_lr": "The least rate of cosine and plateau.",
      "warmup_iter":
        "Iterations over which the rate rises before the policy takes over: in iteration "
        + "t it is warmup_start_lr + (base_lr − warmup_start_lr) · t / warmup_iter. The policy's own t "
        + "counts from 0 all the same.",
      "warmup_start_lr": "The rate of the first iteration of a warm-up.",
    ])

  private static let tests = Section(
    title: "Tests",
    text: "Test nets compute with the weights of the layers of the same names in the training net. "
      + "Tests come at iteration 0, at every multiple of `test_interval`, and at the end if it is one.",
    fields: [
      "test_iter":
        "Batches of a test, once for each test net: `test_net_param`, `test_net`, then the "
        + "net itself for what remains.",
      "test_interval": "Iterations between two tests.",
      "test_initialization": "Whether there is a test at iteration 0.",
      "test_compute_loss": "Whether tests show the mean loss too.",
    ])

  private static let snapshots = Section(
    title: "Snapshots",
    text: "PREFIX_iter_N.caffemodel holds the weights, PREFIX_iter_N.solverstate what the rule "
      + "remembers; both are Caffe's. PREFIX_iter_N.netrunstate holds what Caffe loses, so that a run "
      + "goes on exactly (`--snapshot`): places in the data, random numbers, the losses of "
      + "`average_loss`, what plateau waits for.",
    fields: [
      "snapshot": "Iterations between two snapshots; 0 takes none but the last.",
      "snapshot_prefix": "The beginning of the files' names, from the current folder; the solver's "
        + "own path without its ending if it is not given. In a folder, the solver's name.",
      "snapshot_after_train": "Whether there is a snapshot at the end.",
      "snapshot_diff": "Whether weight files hold the last updates too.",
      "snapshot_format":
        "BINARYPROTO writes protobuf's format; HDF5 writes files with `.h5` behind their names.",
    ])

  private static let machine = Section(
    title: "Without effect",
    text: "Caffe's fields for its GPUs, which files may have.",
    fields: [
      "solver_mode": "The CPU computes, whatever is given.",
      "device_id": "Which GPU Caffe took.",
      "layer_wise_reduce": "How Caffe's GPUs exchanged gradients.",
    ])
}
