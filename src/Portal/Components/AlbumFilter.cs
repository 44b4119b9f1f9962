using Albums.Contracts;

namespace Portal.Components;

/// <summary>What an admin looks for, as it stands in the URL.</summary>
/// <param name="Hours">Requested within so many.</param>
public sealed record AlbumFilter(string? Text, IReadOnlyList<AlbumStatus> Statuses, int? Hours, AlbumSort Sort)
{
    internal AlbumSearch From(DateTimeOffset now, Guid? after) => new(Text, Statuses, Hours is { } hours ? now.AddHours(-hours) : null, Sort, after);

    internal AlbumFilter Toggled(AlbumStatus status) =>
        this with { Statuses = Statuses.Contains(status) ? [.. Statuses.Except([status])] : [.. Statuses, status] };
}
