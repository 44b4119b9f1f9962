using Platform.Events;

namespace Gallery;

// Stream photo-{uploadId}. These shapes are the storage format: add members, never rename or remove one.

/// <summary>What all events of a <c>photo-{uploadId}</c> stream have in common.</summary>
internal interface IPhotoEvent;

/// <summary>The thumbnail is in the store.</summary>
internal sealed record ThumbnailStored(string Key, string ETag, int Width, int Height, long SizeBytes, DateTimeOffset At) : IPhotoEvent;

/// <summary>There will be no thumbnail: the file is no picture that can be read.</summary>
internal sealed record ThumbnailRefused(string Reason, DateTimeOffset At) : IPhotoEvent;

/// <summary>The file was taken back: no thumbnail is made any more, and one that is there goes.</summary>
internal sealed record PhotoWithdrawn(DateTimeOffset At) : IPhotoEvent;

/// <summary>The thumbnail of one photo.</summary>
internal sealed record PhotoThumbnail : IState<PhotoThumbnail, IPhotoEvent>
{
    public static string Category => "photo";

    public static PhotoThumbnail Initial { get; } = new();

    public ThumbnailStored? Stored { get; private init; }

    /// <summary>Nothing is to be made of it, any more or at all.</summary>
    public bool IsOver { get; private init; }

    public bool IsWithdrawn { get; private init; }

    public static PhotoThumbnail Evolve(PhotoThumbnail state, IPhotoEvent e) => e switch
    {
        ThumbnailStored stored => state with { Stored = stored },
        ThumbnailRefused => state with { IsOver = true },
        PhotoWithdrawn => state with { IsOver = true, IsWithdrawn = true },
        _ => state,
    };

    /// <summary>Whether somebody should make one.</summary>
    public bool IsWanted => Stored is null && !IsOver;

    public static IReadOnlyList<IPhotoEvent> Decide(PhotoThumbnail state, IPhotoEvent made) => state.IsWanted ? [made] : [];

    public static IReadOnlyList<IPhotoEvent> Decide(PhotoThumbnail state, PhotoWithdrawn withdrawn) => state.IsWithdrawn ? [] : [withdrawn];
}
