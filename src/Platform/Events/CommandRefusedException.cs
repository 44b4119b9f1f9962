namespace Platform.Events;

/// <summary>A rule says no. HTTP answers with <paramref name="code"/>; nothing was recorded.</summary>
/// <param name="code">Stable, UPPER_SNAKE_CASE; <c>docs/http-api.md</c> lists every code with its status.</param>
/// <param name="detail">One sentence for people, saying what to do next where that helps.</param>
public sealed class CommandRefusedException(string code, string detail) : Exception(detail)
{
    public string Code { get; } = code;

    /// <summary>Further members of the problem document, such as <c>missingChunks</c>.</summary>
    public IReadOnlyDictionary<string, object?> Members { get; init; } = new Dictionary<string, object?>();

    /// <summary>The problem's type (RFC 9457 §3.1.1) where a standard defines one; <see langword="null"/> where the code says it all.</summary>
    public string? ProblemType { get; init; }

    /// <summary>When asking again may help; <see langword="null"/> where it will not.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
