namespace Albums.Contracts;

/// <summary>All attempts at an album failed. It stays as it is until it is replayed.</summary>
/// <param name="Reason">A stable code, such as <c>NO_FILES</c>.</param>
/// <param name="Detail">What happened, for the admin: it may name keys and servers, and is shown to nobody else.</param>
public sealed record AlbumFailed(string Reason, string Detail, DateTimeOffset At) : IAlbumEvent;
