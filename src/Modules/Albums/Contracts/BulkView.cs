namespace Albums.Contracts;

/// <summary>What is done to each of many albums. Stored.</summary>
public enum BulkKind
{
    Replay,
    Cancel,
    Delete,
}

/// <param name="Found">How many albums fitted when it began.</param>
/// <param name="Refused">Those that came to a state meanwhile in which it is not done.</param>
/// <param name="AbortedBy">Who stopped it. What was done until then is done.</param>
public sealed record BulkView(Guid BulkId, BulkKind Kind, int Found, int Done, int Refused, bool IsRunning, string By, string? AbortedBy);
