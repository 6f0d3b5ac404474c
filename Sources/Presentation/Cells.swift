/// Text as a terminal shows it: no control characters, and of a width in cells.
enum Cells {
    /// What a terminal would obey is shown as a mark instead.
    static func plain(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                    let turnsAround =
                        (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
                    return isControl || turnsAround ? "\u{FFFD}" : scalar
                }))
    }

    static func width(_ text: String) -> Int { text.reduce(0) { $0 + width($1) } }

    private static func width(_ character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first else { return 0 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }

    /// At most so many cells; an ellipsis stands for what is cut off.
    static func clipped(_ text: String, to limit: Int) -> String {
        if width(text) <= limit { return text }
        var clipped = ""
        var used = 1
        for character in text {
            used += width(character)
            if used > limit { break }
            clipped.append(character)
        }
        return limit > 0 ? clipped + "…" : ""
    }

    /// Exactly so many cells.
    static func padded(_ text: String, to size: Int, right: Bool = false) -> String {
        let text = clipped(text, to: size)
        let space = String(repeating: " ", count: size - width(text))
        return right ? space + text : text + space
    }
}
