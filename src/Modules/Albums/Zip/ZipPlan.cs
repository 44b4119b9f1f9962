using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Storage;

namespace Albums.Zip;

/// <summary>
/// Everything a ZIP's bytes depend on, frozen: whichever node, attempt or path makes them, they are the same.
/// Stored as one JSON object in the bucket; the album's stream holds its key and hash.
/// </summary>
/// <param name="LayoutVersion">Version of the rules in <see cref="ZipFormat"/> and <see cref="ZipLayout"/> the plan was made for.</param>
/// <param name="PartSizeBytes">All parts of the multipart upload but the last have this size.</param>
/// <param name="VolumeStarts">The entry that each volume begins with; <see langword="null"/> for one ZIP of all entries.</param>
internal sealed record ZipPlan(
    int LayoutVersion,
    long PartSizeBytes,
    IReadOnlyList<PlannedEntry> Entries,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<int>? VolumeStarts = null)
{
    internal const int CurrentLayoutVersion = 1;

    private const long MiB = 1 << 20;
    private const long SmallestPart = 8 * MiB;
    private const int MostParts = 9_990; // S3 and R2 allow 10,000

    /// <summary>The first so many entries have all those whose CRC is not known before they are read.</summary>
    internal int EntriesToRead
    {
        get
        {
            var count = Entries.Count;
            while (count > 0 && Entries[count - 1] is { SizeBytes: 0 } or { Crc32: not null })
            {
                count--;
            }

            return count;
        }
    }

    internal int VolumeCount => VolumeStarts?.Count ?? 1;

    /// <summary>The entries of a volume, counted from 1: a first one, and the one behind the last.</summary>
    internal (int First, int End) EntriesOf(int volume) =>
        (VolumeStarts?[volume - 1] ?? 0, volume < VolumeCount ? VolumeStarts![volume] : Entries.Count);

    /// <summary>Orders the entries and chooses the part size. Big files come last, so that a crash inside one costs the many small ones nothing.</summary>
    /// <param name="maxVolumeBytes">Where one ZIP would be larger, the plan is of several.</param>
    internal static ZipPlan Freeze(IEnumerable<PlannedEntry> files, PlannedEntry? missing, long? maxVolumeBytes = null)
    {
        PlannedEntry[] entries = [.. files.OrderBy(file => file.SizeBytes >= SmallestPart ? 1 : 0), .. missing is null ? [] : new[] { missing }];

        var plan = new ZipPlan(CurrentLayoutVersion, SmallestPart, entries, Cut([], entries, maxVolumeBytes));
        var largest = Enumerable.Range(1, plan.VolumeCount).Max(volume => new ZipLayout(plan, volume).SizeBytes);
        return plan with { PartSizeBytes = Math.Max(SmallestPart, RoundUp((largest + MostParts - 1) / MostParts, MiB)) };
    }

    /// <summary>
    /// The same plan without one file. What comes before that file keeps its place, so parts and volumes that hold nothing else stay valid.
    /// </summary>
    internal ZipPlan Without(int entry, PlannedEntry missing, long? maxVolumeBytes)
    {
        PlannedEntry[] entries = [.. Entries.Where((other, index) => index != entry && other.Index >= 0), missing];
        return this with { Entries = entries, VolumeStarts = Cut([.. VolumeStarts?.Where(start => start <= entry) ?? []], entries, maxVolumeBytes) };
    }

    // A ZIP that needs no other is none of several.
    private static int[]? Cut(int[] kept, IReadOnlyList<PlannedEntry> entries, long? maxVolumeBytes)
    {
        if (maxVolumeBytes is not { } maxBytes)
        {
            return null;
        }

        int[] starts = [.. kept.SkipLast(1), .. ZipVolumes.Starts(entries, kept.LastOrDefault(), maxBytes)];
        return starts.Length > 1 ? starts : null;
    }

    /// <summary>Stores the plan under its hash, so that storing it twice is harmless.</summary>
    /// <returns>Key and hash (SHA-256, hex) for <see cref="PlanFrozen"/>.</returns>
    internal async Task<(string Key, string Hash)> StoreAsync(IObjectStorage storage, Guid albumId, CancellationToken cancellationToken)
    {
        await using var body = new PlanBody(this);
        var hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(body, cancellationToken));
        var sizeBytes = body.Position;
        body.Position = 0;
        var key = $"{AlbumContents.OwnFolder}{albumId}/plan-{hash[..16]}.json";
        await storage.PutAsync(key, body, sizeBytes, "application/json", cancellationToken);
        return (key, hash);
    }

    /// <exception cref="InvalidDataException">The stored plan is not the one the album's stream speaks of.</exception>
    internal static async Task<ZipPlan> LoadAsync(IObjectStorage storage, PlanFrozen frozen, CancellationToken cancellationToken)
    {
        using var sha = SHA256.Create();
        await using var stored = await storage.ReadAsync(frozen.PlanKey, range: null, ifMatch: null, cancellationToken);
        await using var hashing = new CryptoStream(stored, sha, CryptoStreamMode.Read);
        var plan = await JsonSerializer.DeserializeAsync<ZipPlan>(hashing, JsonSerializerOptions.Default, cancellationToken);
        return sha.Hash is { } hash && Convert.ToHexStringLower(hash) == frozen.PlanHash && plan is not null
            ? plan
            : throw new InvalidDataException($"The plan {frozen.PlanKey} is not the one that was frozen. Request the album again.");
    }

    private static long RoundUp(long value, long unit) => (value + unit - 1) / unit * unit;
}

/// <summary>One entry of a planned ZIP: an object of the store, a file on a server of others, or a text of ours.</summary>
/// <param name="Index">Its place among the files asked for; -1 for <see cref="MissingName"/>.</param>
/// <param name="Key">Where its bytes are in the store; <see langword="null"/> for <see cref="Url"/> and <see cref="Text"/>.</param>
/// <param name="ETag">What the object, or the file at the URL, must still be when it is read.</param>
/// <param name="Crc32">Known beforehand only if this product computed it; otherwise found while packing.</param>
internal sealed record PlannedEntry(
    int Index, string Name, string? Key, string? ETag, long SizeBytes, DateTimeOffset ModifiedAt, uint? Crc32, string? Text = null, string? Url = null)
{
    internal const string MissingName = "_MISSING.txt";

    // Nobody reads more; and it stands in the plan, which is held in memory.
    private const int MostMissingNamed = 1000;

    /// <summary>The last entry of an incomplete album: which files are not in it, and why.</summary>
    internal static PlannedEntry Missing(IReadOnlyCollection<SkippedFile> skipped, DateTimeOffset at)
    {
        var text = new StringBuilder("These files could not be put into this album:\r\n\r\n");
        foreach (var file in skipped.Take(MostMissingNamed))
        {
            text.Append(file.Name.ReplaceLineEndings(" ")).Append(": ").Append(file.Reason).Append("\r\n");
        }

        if (skipped.Count > MostMissingNamed)
        {
            text.Append(CultureInfo.InvariantCulture, $"\r\nand {skipped.Count - MostMissingNamed} more.\r\n");
        }

        var bytes = Encoding.UTF8.GetBytes(text.ToString());
        return new PlannedEntry(-1, MissingName, null, null, bytes.Length, at, Platform.Storage.Crc32.Append(0, bytes), text.ToString());
    }
}
