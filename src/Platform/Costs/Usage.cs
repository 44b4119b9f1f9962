namespace Platform.Costs;

/// <summary>Whom work is for. What is not set belongs to none, or is not known.</summary>
/// <param name="Module">As its part of the API is called: <c>albums</c>, <c>uploads</c>, <c>sites</c>; <see cref="Other"/> for none of them.</param>
public sealed record UsageAccount(string Module, string? WeddingId = null, string? Site = null, Guid? AlbumId = null)
{
    /// <summary>What the product does for no module: its own upkeep, and processor time while nothing moves.</summary>
    public const string Other = "other";

    /// <summary>Work that nobody is named for.</summary>
    public static UsageAccount Nobody { get; } = new(Other);
}

/// <summary>Amounts of what costs money, all of them whole numbers, so that sums are exact.</summary>
/// <param name="ClassAOperations">Writes, copies, lists, and the steps of multipart uploads.</param>
/// <param name="ClassBOperations">Reads of objects and of their metadata.</param>
/// <param name="FreeOperations">Deletions and aborts.</param>
/// <param name="BytesIn">Sent into the store and acknowledged.</param>
/// <param name="BytesOut">Read from the store.</param>
/// <param name="CpuMicroseconds">Of processors.</param>
/// <param name="StoredBytes">Kept by the store for a day.</param>
public readonly record struct Usage(
    long ClassAOperations = 0,
    long ClassBOperations = 0,
    long FreeOperations = 0,
    long BytesIn = 0,
    long BytesOut = 0,
    long CpuMicroseconds = 0,
    long StoredBytes = 0)
{
    public static Usage operator +(Usage left, Usage right) => new(
        left.ClassAOperations + right.ClassAOperations,
        left.ClassBOperations + right.ClassBOperations,
        left.FreeOperations + right.FreeOperations,
        left.BytesIn + right.BytesIn,
        left.BytesOut + right.BytesOut,
        left.CpuMicroseconds + right.CpuMicroseconds,
        left.StoredBytes + right.StoredBytes);

    public static Usage Add(Usage left, Usage right) => left + right;
}
