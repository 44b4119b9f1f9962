namespace Albums;

/// <summary>What frontends see of an album: the answer to a request, of the status call, and each progress event.</summary>
/// <param name="BytesPerSecond">Of the present attempt, on average; <see langword="null"/> until a part is stored.</param>
/// <param name="DownloadUrl">Relative; set once the ZIP is complete.</param>
/// <param name="Missing">Files that are not in the ZIP, and why.</param>
internal sealed record AlbumView(
    Guid AlbumId,
    string WeddingId,
    AlbumStatus Status,
    Progress<int> Files,
    Progress<long> Bytes,
    Progress<int> Parts,
    double? BytesPerSecond,
    double? SecondsLeft,
    int Attempt,
    string? Node,
    DateTimeOffset RequestedAt,
    DateTimeOffset? CompletedAt,
    string? DownloadUrl,
    IReadOnlyList<MissingFile> Missing,
    AlbumFailure? Failure)
{
    /// <summary>Nothing will change any more unless somebody asks for it.</summary>
    internal bool IsFinal => Status is AlbumStatus.Completed or AlbumStatus.Failed or AlbumStatus.Cancelled;

    internal static AlbumView Of(Guid albumId, Album album)
    {
        var completed = album.Completed is not null;
        var bytes = album.Plan?.SizeBytes ?? 0;
        var partSize = album.Plan?.PartSizeBytes ?? 1;
        var rate = Rate(album);
        var files = album.Plan is { } plan ? plan.Entries - (album.Skipped.Count > 0 ? 1 : 0) : 0; // without the one that lists the missing
        return new AlbumView(
            albumId,
            album.Request!.WeddingId,
            album.Status,
            new(files, completed ? album.Completed!.Files : Math.Min(album.FilesZipped, files)),
            new(bytes, completed ? bytes : album.StoredBytes),
            new((int)((bytes + partSize - 1) / partSize), album.Parts.Count),
            rate,
            rate is > 0 && !completed ? (bytes - album.StoredBytes) / rate : null,
            album.Attempts,
            album.Attempt?.Node,
            album.Request.At,
            album.Completed?.At,
            completed ? $"/v1/albums/{albumId}/download" : null,
            [.. album.Skipped.Select(file => new MissingFile(file.Name, file.Reason))],
            album.Failure is { } failure ? new(failure.Reason, failure.Detail) : null);
    }

    private static double? Rate(Album album) =>
        album.Attempt is { } attempt && album.LastPartAt is { } last && last > attempt.At
            ? (album.StoredBytes - album.StoredBytesBefore) / (last - attempt.At).TotalSeconds
            : null;
}

internal sealed record Progress<T>(T Total, T Done);

internal sealed record MissingFile(string Name, string Reason);

internal sealed record AlbumFailure(string Reason, string Detail);
