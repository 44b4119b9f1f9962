using Platform.Events;

namespace Albums.Zip;

/// <summary>CRCs that a plan does not know and packing found, as the album's stream has them.</summary>
internal static class FoundCrcs
{
    /// <returns>By entry of the plan.</returns>
    internal static async Task<Dictionary<int, uint>> ReadAsync(
        EventStore store, Guid albumId, PlanFrozen plan, CancellationToken cancellationToken)
    {
        var found = new Dictionary<int, uint>();
        if (plan.EntriesToRead == 0)
        {
            return found;
        }

        // A replanned album has several of the same index: the last one is of the present plan. Behind the plan's completion comes another edition.
        string? present = null;
        await foreach (var e in store.ReadAsync($"{Album.Category}-{albumId}", fromVersion: 1, cancellationToken))
        {
            switch (e.Payload)
            {
                case PlanFrozen frozen:
                    present = frozen.PlanHash;
                    break;
                case FileZipped file:
                    found[file.Index] = file.Crc32;
                    break;
                case Contracts.AlbumCompleted when present == plan.PlanHash:
                    return found;
                default:
                    break;
            }
        }

        return found;
    }
}
