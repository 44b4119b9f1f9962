using Albums.Contracts;
using Platform.Events;

namespace Albums;

// Stream bulk_action-{id}. These shapes are the storage format: add members, never rename or remove one.

/// <summary>What all events of a <c>bulk_action-{id}</c> stream have in common.</summary>
internal interface IBulkEvent;

/// <param name="RequestedFrom">Albums from then on.</param>
/// <param name="At">Albums that were requested later are none of it.</param>
internal sealed record BulkRequested(
    BulkKind Kind, string? Text, IReadOnlyList<AlbumStatus> Statuses, DateTimeOffset? RequestedFrom, int Found, string By, DateTimeOffset At) : IBulkEvent;

/// <summary>Some more albums were gone through.</summary>
/// <param name="After">The last of them. Albums are gone through in the order of their ids.</param>
/// <param name="Done">Of these.</param>
/// <param name="Refused">Of these: they came to another state meanwhile.</param>
internal sealed record BulkProgressed(Guid After, int Done, int Refused) : IBulkEvent;

internal sealed record BulkAborted(string By, DateTimeOffset At) : IBulkEvent;

internal sealed record BulkCompleted(DateTimeOffset At) : IBulkEvent;

/// <summary>One command for many albums: what was asked for, and how far it has come.</summary>
internal sealed record BulkAction : IState<BulkAction, IBulkEvent>
{
    public static string Category => "bulk_action";

    public static BulkAction Initial { get; } = new();

    public BulkRequested? Request { get; private init; }

    public Guid? After { get; private init; }

    public int Done { get; private init; }

    public int Refused { get; private init; }

    public BulkAborted? Aborted { get; private init; }

    public bool IsCompleted { get; private init; }

    public bool IsRunning => Request is not null && Aborted is null && !IsCompleted;

    public static BulkAction Evolve(BulkAction state, IBulkEvent e) => e switch
    {
        BulkRequested request => state with { Request = request },
        BulkProgressed page => state with { After = page.After, Done = state.Done + page.Done, Refused = state.Refused + page.Refused },
        BulkAborted aborted => state with { Aborted = aborted },
        BulkCompleted => state with { IsCompleted = true },
        _ => state,
    };

    internal BulkView ToView(Guid id) => Request is { } request
        ? new BulkView(id, request.Kind, request.Found, Done, Refused, IsRunning, request.By, Aborted?.By)
        : throw new CommandRefusedException("BULK_ACTION_NOT_FOUND", "There is no such bulk action.");
}
