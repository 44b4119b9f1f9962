using System.Globalization;
using Albums.Contracts;
using Platform.Events;

namespace Albums;

/// <summary>What a link of an album gives: its ZIP, or one of its volumes. While a replay makes the next edition, that of the edition that stands.</summary>
/// <param name="Volume">From 1.</param>
/// <param name="Stored">In the store; <see langword="null"/> until it is complete.</param>
internal sealed record AlbumOffer(Guid AlbumId, Album Album, PlanFrozen Plan, int Volume, AlbumVolume? Stored)
{
    internal long SizeBytes => Plan.SizeOf(Volume);

    /// <summary>The plan determines the bytes, so its hash is a strong validator, before the ZIP is complete and after.</summary>
    internal string ETag => Plan.VolumeCount == 1 ? $"\"{Plan.PlanHash[..32]}\"" : string.Create(CultureInfo.InvariantCulture, $"\"{Plan.PlanHash[..32]}-{Volume}\"");

    internal string FileName => Plan.VolumeCount == 1
        ? $"{Album.Request!.WeddingId}.zip"
        : string.Create(CultureInfo.InvariantCulture, $"{Album.Request!.WeddingId}-{Volume}-of-{Plan.VolumeCount}.zip");

    /// <summary>Of its link, relative to the host.</summary>
    internal string Path => Plan.VolumeCount == 1 ? $"/v1/albums/{AlbumId}/download" : UrlOf($"/v1/albums/{AlbumId}/download", Volume);

    /// <param name="link">Of the album.</param>
    internal static string UrlOf(string link, int volume) => $"{link}?volume={volume}";

    /// <returns><see langword="null"/> where it cannot be had yet, or not any more.</returns>
    /// <exception cref="CommandRefusedException"><c>VOLUME_NOT_FOUND</c></exception>
    internal static AlbumOffer? Of(Guid albumId, Album album, int volume) =>
        volume < 1 || volume > (album.OfferedPlan?.VolumeCount ?? int.MaxValue)
            ? throw new CommandRefusedException("VOLUME_NOT_FOUND", $"The album has no volume {volume}.")
            : Of(albumId, album, volume, album.OfferedZips);

    /// <summary>All ZIPs of the album, of which some may not be had yet.</summary>
    internal static IEnumerable<AlbumVolumeView> ViewsOf(Guid albumId, Album album)
    {
        var stored = album.OfferedZips;
        return Enumerable.Range(1, album.OfferedPlan?.VolumeCount ?? 0).Select(volume => new AlbumVolumeView(
            volume, album.OfferedPlan!.SizeOf(volume), volume <= stored.Count, Of(albumId, album, volume, stored)?.Path));
    }

    private static AlbumOffer? Of(Guid albumId, Album album, int volume, IReadOnlyList<AlbumVolume> stored) =>
        album is { OfferedPlan: { } plan, LeavesNothing: false } && (volume <= stored.Count || album.IsDownloadable)
            ? new AlbumOffer(albumId, album, plan, volume, volume <= stored.Count ? stored[volume - 1] : null)
            : null;
}
