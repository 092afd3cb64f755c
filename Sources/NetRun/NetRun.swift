/// What a Swift program needs to load, run and train a Caffe net: `import NetRun`.
@_exported public import Compute
@_exported public import Layers
@_exported public import Nets
@_exported public import Prototxt
@_exported public import Schema
@_exported public import Solvers
