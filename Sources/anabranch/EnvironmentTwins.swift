import ArgumentParser

/// Gives every flag its twin in the environment (`--address` is `ANABRANCH_ADDRESS`).
///
/// Done before parsing, by appending the flags that the environment sets and the command line does not: values from the
/// environment are then checked as those on the command line are.
enum EnvironmentTwins {
    private static let prefix = "ANABRANCH_"

    static func extend(_ arguments: [String], environment: [String: String]) -> [String] {
        guard let name = arguments.first,
            let command = AnabranchCommand.allCommands.first(where: { $0.configuration.commandName == name })
        else { return arguments }
        // What follows `--` is not ours.
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        let given = Set(arguments[..<end].map { String($0.prefix { $0 != "=" }) })
        var added: [String] = []
        for twin in twins(of: command) {
            let flag = "--\(twin.name)"
            guard !given.contains(flag), let value = environment[variable(for: twin.name)], !value.isEmpty else {
                continue
            }
            if twin.takesValue {
                added += [flag, value]
            } else if !["0", "false", "no"].contains(value.lowercased()) {
                added.append(flag)
            }
        }
        return Array(arguments[..<end]) + added + Array(arguments[end...])
    }

    static func variable(for flag: String) -> String {
        prefix + flag.uppercased().replacing("-", with: "_")
    }

    struct Twin: Hashable {
        let name: String
        let takesValue: Bool
    }

    /// The flags that a command declares, found where it declares them: in its property wrappers.
    static func twins(of type: any ParsableArguments.Type) -> [Twin] {
        Mirror(reflecting: type.init()).children.flatMap { child -> [Twin] in
            guard let label = child.label else { return [] }
            let name = dashed(String(label.drop { $0 == "_" }))
            switch child.value {
            case let group as any DeclaresGroup: return twins(of: Swift.type(of: group).group)
            case is any DeclaresOption: return [Twin(name: name, takesValue: true)]
            case is any DeclaresFlag: return [Twin(name: name, takesValue: false)]
            default: return []
            }
        }
    }

    /// `inlineThreshold` is `--inline-threshold`, as ArgumentParser has it.
    private static func dashed(_ property: String) -> String {
        property.reduce(into: "") { name, character in
            if character.isUppercase { name.append("-") }
            name.append(contentsOf: character.lowercased())
        }
    }
}

protocol DeclaresGroup {
    static var group: any ParsableArguments.Type { get }
}
protocol DeclaresOption {}
protocol DeclaresFlag {}

extension OptionGroup: DeclaresGroup {
    static var group: any ParsableArguments.Type { Value.self }
}
extension Option: DeclaresOption {}
extension Flag: DeclaresFlag {}

extension AnabranchCommand {
    static var allCommands: [any ParsableCommand.Type] {
        configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
    }
}
