import ArgumentParser

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Save the fitted path that ends in a node's key.",
        discussion: "Example: anabranch export 3 boost partition=0 --format joblib --out boost.joblib")

    @Argument(help: "The run's id.")
    var runID: UInt64

    @Argument(help: "The node's name.")
    var node: String

    @Argument(
        help: """
            name=label,name=label, a label with a comma or a quote in quotes as `results` prints it; may be left out when \
            the node has one key.
            """)
    var key: String = ""

    @Option(help: "joblib (a scikit-learn estimator) or anabranch (a fitted path).")
    var format: String = "joblib"

    @Option(help: "The file to write; NODE.FORMAT when not given.")
    var out: String?

    @OptionGroup var coordinator: AddressOptions

    @Option(help: "The interpreter of the Python half.")
    var python: String?

    func validate() throws {
        if !["joblib", "anabranch"].contains(format) {
            throw ValidationError("--format \(format): use joblib or anabranch")
        }
    }

    func run() throws {
        _ = try coordinator.keys()
        try PythonHalf.become(
            "export",
            fields: [
                "run": runID, "node": node, "key": key, "format": format, "out": out,
                "address": try coordinator.required(),
            ], python: python)
    }
}
