@main struct Netrun { static func main() { print("netrun") } }
