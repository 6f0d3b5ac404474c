import ArgumentParser

struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Draw a pipeline's graph.",
        discussion: "Example: anabranch graph examples/late_flights.yaml --svg graph.svg")

    @Argument(help: "FILE[:OBJECT]: a Python file or module with a pipeline, or a YAML file.")
    var file: String

    @Option(help: "text, mermaid, dot or svg.")
    var format: String = "text"

    @Option(help: ArgumentHelp("Write the picture to a file as SVG; nothing is printed.", valueName: "file"))
    var svg: String?

    @Option(help: "The interpreter that loads the pipeline.")
    var python: String?

    func validate() throws {
        if !["text", "mermaid", "dot", "svg"].contains(format) {
            throw ValidationError("--format \(format): use text, mermaid, dot or svg")
        }
    }

    func run() throws {
        try PythonHalf.become(
            "graph", fields: ["file": file, "format": format, "svg": svg], python: python)
    }
}
