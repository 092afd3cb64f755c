// Prototxt
