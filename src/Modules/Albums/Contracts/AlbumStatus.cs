namespace Albums.Contracts;

/// <summary>What an album is at. <see cref="Unknown"/>: there is none.</summary>
public enum AlbumStatus
{
    Unknown,
    Requested,
    Planning,
    Zipping,
    Completed,
    Failed,
    Cancelled,
    Deleted,
    Expired,
}
