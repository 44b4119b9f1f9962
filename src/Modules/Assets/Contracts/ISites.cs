namespace Assets.Contracts;

/// <summary>Sites for the portal. What somebody may do is for the caller to check.</summary>
public interface ISites
{
    /// <summary>All sites by name, as they are.</summary>
    Task<IReadOnlyList<SiteListed>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Lets an environment serve a release that is kept. Safe to repeat.</summary>
    /// <exception cref="Platform.Events.CommandRefusedException"><c>SITE_NOT_FOUND</c>, <c>ENVIRONMENT_NOT_FOUND</c>, <c>RELEASE_NOT_FOUND</c>.</exception>
    Task ActivateAsync(string site, int release, string environment, CancellationToken cancellationToken);
}

/// <param name="Environments">Those that serve a release.</param>
/// <param name="Releases">Those that are kept, the newest first.</param>
public sealed record SiteListed(string Site, IReadOnlyList<EnvironmentListed> Environments, IReadOnlyList<ReleaseListed> Releases);

/// <param name="Path">Where this host serves it.</param>
public sealed record EnvironmentListed(string Name, int Release, string Path);

public sealed record ReleaseListed(int Number, int Files, long SizeBytes, DateTimeOffset CreatedAt);
