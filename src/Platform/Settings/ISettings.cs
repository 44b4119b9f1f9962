namespace Platform.Settings;

/// <summary>
/// Settings that are changed while the product runs: a record that is stored as a whole with every change, so its shape is a storage
/// format. Add members, never rename or remove one. A member that a stored document lacks has its default.
/// </summary>
public interface ISettings
{
    /// <summary>Stable: the changes are the stream <c>settings-{Name}</c>.</summary>
    static abstract string Name { get; }

    /// <summary>What is wrong with the values; nothing where they can be used.</summary>
    IEnumerable<BrokenRule> BrokenRules();
}

/// <param name="Setting">As its member is called.</param>
/// <param name="Rule">What it must be, as in "between 1 and 5 TiB".</param>
public sealed record BrokenRule(string Setting, string Rule);
