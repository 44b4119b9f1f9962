using System.Security.Cryptography;

namespace Platform.Jobs;

/// <summary>How often a failing job is tried, and how long it waits in between: doubling, with a fifth of jitter.</summary>
/// <param name="Attempts">All attempts, the first included.</param>
public sealed record JobRetry(int Attempts, TimeSpan FirstDelay, TimeSpan LongestDelay)
{
    /// <summary>Ten attempts over about half an hour: outlasts a redeploy, a failover and most outages of a store.</summary>
    public static JobRetry Default { get; } = new(10, TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10));

    /// <summary>The pause after a failed attempt, counted from 1.</summary>
    internal TimeSpan DelayAfter(int attempt)
    {
        var delay = Math.Min(LongestDelay.TotalSeconds, FirstDelay.TotalSeconds * Math.Pow(2, attempt - 1));
        return TimeSpan.FromSeconds(delay * RandomNumberGenerator.GetInt32(80, 121) / 100);
    }
}
